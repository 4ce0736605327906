"""What a process measures of itself, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

FEED_LAG = Histogram(
    "appanage_feed_lag_seconds",
    "How long after it was written a revocation or change was known here.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
FEED_AGE = Gauge(
    "appanage_feed_age_seconds",
    "How long ago this process last knew every revocation; beyond the limit it asks the database for each request.",
)
FEED_INTERRUPTIONS = Counter("appanage_feed_interruptions", "How often the feed lost its connection.")
ANSWERED = Counter(
    "appanage_answered_at_the_edge",
    "Requests answered from memory or in groups, which are not logged one by one.",
    ["endpoint"],
)
TURNED_AWAY = Counter("appanage_turned_away", "Requests answered 503 because too many were under way.")
LETTERS = Gauge(
    "appanage_letters",
    "Letters of the whole deployment: all that wait, and what became of those written within a day.",
    ["state"],
)
