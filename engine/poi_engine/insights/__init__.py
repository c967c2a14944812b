"""What sells, when, for how much, how and to whom: rollups kept in step with every sale, and their readers."""

from poi_engine.insights.drill import Filter
from poi_engine.insights.figures import BestSellers, Cohorts, Figures, Insights, SalesBehind
from poi_engine.insights.place import View
from poi_engine.insights.reader import InsightsReader
from poi_engine.insights.trends import Order

__all__ = [
    "BestSellers",
    "Cohorts",
    "Figures",
    "Filter",
    "Insights",
    "InsightsReader",
    "Order",
    "SalesBehind",
    "View",
]
