"""Problems with segments, campaigns and their figures."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
    "campaign-over": Explanation(
        "Campaign over", "The campaign's last day has passed.", "Choose a later last day, or none."
    ),
    "campaign-moved-on": Explanation(
        "Campaign moved on", "The campaign is no longer in a state that allows this.", "Look at it again."
    ),
    "campaign-not-a-draft": Explanation(
        "Campaign not a draft",
        "Only a draft can be changed: what runs or has run stays as it was.",
        "Take a scheduled campaign back, or make a copy of it.",
    ),
    "unknown-segment": Explanation(
        "Unknown segment", "The audience names a segment that is not there.", "Choose another segment."
    ),
    "previews-busy": Explanation("Previews busy", "Several previews are under way.", "Ask again in a moment."),
    "suggestions-under-way": Explanation(
        "Suggestions under way", "The suggestions are being computed.", "Look again in a moment."
    ),
    "superseded": Explanation(
        "Superseded", "The same person asked for another size before this one was counted.", "Use the later answer."
    ),
    "segment-used": Explanation(
        "Segment used", "Offers or campaigns need this segment.", "Remove them, or take it out of their conditions."
    ),
    "segment-unknown": Explanation(
        "Unknown segment", "The offer names a segment there is not.", "GET /v1/segments lists them."
    ),
    "segment-built-in": Explanation(
        "Built-in segment", "The built-in segments cannot be changed.", "Write one of your own."
    ),
    "segment-of-segments": Explanation(
        "Segment of segments",
        "A segment's conditions may name built-in segments and words given by hand, no other segment and no coupon.",
        "Write the other segment's conditions out.",
    ),
    "too-many-segments": Explanation(
        "Too many segments", "A merchant has at most 200 segments of their own.", "Remove one first."
    ),
    "campaign-not-started": Explanation(
        "Not started", "The campaign has no sales yet to look at.", "Start it, and ask when it has run for a while."
    ),
    "no-holdout": Explanation(
        "No holdout",
        "The offer holds nobody out, so that there is nothing to measure its effect against.",
        "Give the next offer a holdout: a share of customers who go without it.",
    ),
}
