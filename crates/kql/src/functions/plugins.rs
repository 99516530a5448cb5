//! Plugins of `evaluate`.

/// A plugin: its name and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    pub name: &'static str,
    pub summary: &'static str,
}

const fn plugin(name: &'static str, summary: &'static str) -> Plugin {
    Plugin { name, summary }
}

/// Every plugin of the language.
pub const PLUGINS: &[Plugin] = &[
    plugin("active_users_count", "distinct users who were active in enough periods of a sliding window"),
    plugin("activity_counts_metrics", "counts, new values and running distinct counts per time bin"),
    plugin("activity_engagement", "share of users active in an inner window among those of an outer one"),
    plugin("activity_metrics", "retention and churn of ids from one time bin to the next"),
    plugin("ai_chat_completion", "asks a language model with a chat history"),
    plugin("ai_chat_completion_prompt", "asks a language model with one prompt"),
    plugin("ai_embeddings", "embeds text with a language model"),
    plugin("autocluster", "finds common patterns of attribute values"),
    plugin("azure_digital_twins_query_request", "queries Azure Digital Twins"),
    plugin("bag_unpack", "turns the keys of a dynamic bag into columns"),
    plugin("basket", "finds frequent combinations of attribute values"),
    plugin("cosmosdb_sql_request", "queries Cosmos DB"),
    plugin("dax_request", "queries Power BI"),
    plugin("dcount_intersect", "distinct counts of the intersections of sketches"),
    plugin("diffpatterns", "finds patterns that tell two groups of rows apart"),
    plugin("execute_query", "runs a query on another cluster"),
    plugin("funnel_sequence", "distinct ids that went through a sequence of states"),
    plugin("funnel_sequence_completion", "how far ids got through a sequence within several periods"),
    plugin("geo_line_lookup", "joins points to nearby lines"),
    plugin("geo_polygon_lookup", "joins points to polygons that hold them"),
    plugin("http_request", "fetches an address"),
    plugin("http_request_post", "posts to an address"),
    plugin("identity", "passes rows through"),
    plugin("infer_storage_schema", "guesses the schema of external files"),
    plugin("ipv4_lookup", "joins IPv4 addresses to the ranges that hold them"),
    plugin("ipv6_lookup", "joins IPv6 addresses to the ranges that hold them"),
    plugin("mysql_request", "queries MySQL"),
    plugin("narrow", "turns each cell into a row of name and value"),
    plugin("new_activity_metrics", "retention and churn of cohorts of new ids"),
    plugin("pivot", "turns the values of a column into columns"),
    plugin("postgresql_request", "queries PostgreSQL"),
    plugin("preview", "the first rows and the count of all"),
    plugin("python", "runs a Python script"),
    plugin("r", "runs an R script"),
    plugin("rolling_percentile", "percentiles over a rolling window of bins"),
    plugin("rows_near", "rows before and after those that match"),
    plugin("schema_merge", "merges tabular schemas into one"),
    plugin("sequence_detect", "finds sequences of events by predicates and time windows"),
    plugin("session_count", "sessions of ids over a timeline"),
    plugin("sliding_window_counts", "counts and distinct counts over a sliding window"),
    plugin("sql_request", "queries SQL Server"),
];
