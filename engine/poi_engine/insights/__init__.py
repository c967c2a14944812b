"""What sells, when, for how much, how and to whom: rollups kept in step with every sale, and their readers."""

from poi_engine.insights.figures import Figures, Insights
from poi_engine.insights.reader import InsightsReader

__all__ = ["Figures", "Insights", "InsightsReader"]
