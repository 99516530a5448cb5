//! Plugins of `evaluate`: what they are called, what they take, and which are refused.
//!
//! A signature lists the parameters in their order: `name: kind`, `name?` may be left out, `name...` stands
//! for any number. Every parameter but a repeated one may also be given by name. The kinds `column`, `key`
//! (a column of the table given as `lookup`), `table`, `aggregate` and `predicate` are read by the plugin's
//! binder; the others are types of constants, `moment` being a value of the timeline's type and `step` a
//! distance on it.

/// A plugin.
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    pub name: &'static str,
    /// What it takes, see the module's description.
    pub signature: &'static str,
    pub summary: &'static str,
    /// A query that runs by itself. Empty for plugins that are refused.
    pub example: &'static str,
    /// Why this server does not run the plugin, if it does not.
    pub refused: Option<&'static str>,
}

/// A parameter of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PluginParameter {
    pub name: &'static str,
    pub kind: &'static str,
    pub optional: bool,
    pub repeated: bool,
}

impl Plugin {
    /// The parameters, in the order they are written.
    pub fn parameters(&self) -> impl Iterator<Item = PluginParameter> {
        let inside = self.signature.trim_start_matches('(').trim_end_matches(')');
        inside.split(", ").filter_map(|text| {
            let (name, kind) = text.split_once(": ")?;
            let repeated = name.ends_with("...");
            let optional = repeated || name.ends_with('?');
            let name = name.trim_end_matches("...").trim_end_matches('?');
            Some(PluginParameter { name, kind, optional, repeated })
        })
    }
}

const fn plugin(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    example: &'static str,
) -> Plugin {
    Plugin { name, signature, summary, example, refused: None }
}

/// A plugin that is known by name, so that queries with it are understood, and never run.
const fn refused(name: &'static str, summary: &'static str, why: &'static str) -> Plugin {
    Plugin { name, signature: "(arguments...: any)", summary, example: "", refused: Some(why) }
}

const SERVICE: &str = "it needs a service outside this server";
const CODE: &str = "it runs code, which this server does not take from queries";
const FILES: &str = "it reads files outside this server";

/// Every plugin of the language.
pub const PLUGINS: &[Plugin] = &[
    plugin(
        "active_users_count",
        "(id: column, timeline: column, start: moment, end: moment, lookback: step, period: step, periods: long, bin: step, dimensions...: column)",
        "distinct ids per bin that were active in enough periods of the time before",
        "datatable(id: string, t: datetime)['a', datetime(2026-01-01), 'a', datetime(2026-01-02), 'b', datetime(2026-01-02)] | evaluate active_users_count(id, t, datetime(2026-01-01), datetime(2026-01-08), 7d, 1d, 2, 7d)",
    ),
    plugin(
        "activity_counts_metrics",
        "(id: column, timeline: column, start: moment, end: moment, window: step, dimensions...: column)",
        "rows, distinct ids, ids not seen before and ids so far, per time bin",
        "datatable(id: string, t: datetime)['a', datetime(2026-01-01), 'a', datetime(2026-01-02), 'b', datetime(2026-01-02)] | evaluate activity_counts_metrics(id, t, datetime(2026-01-01), datetime(2026-01-03), 1d)",
    ),
    plugin(
        "activity_engagement",
        "(id: column, timeline: column, start?: moment, end?: moment, inner: step, outer: step, dimensions...: column)",
        "ids active in each inner window, as a share of those active in the outer window that ends with it",
        "datatable(id: string, t: datetime)['a', datetime(2026-01-01), 'b', datetime(2026-01-01), 'a', datetime(2026-01-02)] | evaluate activity_engagement(id, t, datetime(2026-01-01), datetime(2026-01-03), 1d, 7d)",
    ),
    plugin(
        "activity_metrics",
        "(id: column, timeline: column, start?: moment, end?: moment, window: step, dimensions...: column)",
        "distinct and new ids per time bin, and the shares of the previous bin's ids that stayed and left",
        "datatable(id: string, t: datetime)['a', datetime(2026-01-01), 'b', datetime(2026-01-01), 'a', datetime(2026-01-02)] | evaluate activity_metrics(id, t, datetime(2026-01-01), datetime(2026-01-03), 1d)",
    ),
    refused("ai_chat_completion", "asks a language model with a chat history", SERVICE),
    refused("ai_chat_completion_prompt", "asks a language model with one prompt", SERVICE),
    refused("ai_embed_text", "embeds text with a language model", SERVICE),
    refused("ai_embeddings", "embeds text with a language model", SERVICE),
    plugin(
        "autocluster",
        "(size_weight?: real, weight?: column, seeds?: long, wildcards...: any)",
        "a few patterns of column values that together cover most rows",
        "range n from 1 to 20 step 1 | project Action = iff(n % 4 == 0, 'deny', 'allow'), Port = iff(n % 2 == 0, 443, 22) | evaluate autocluster()",
    ),
    refused("azure_digital_twins_query_request", "queries Azure Digital Twins", SERVICE),
    plugin(
        "bag_unpack",
        "(column: column, OutputColumnPrefix?: string, columnsConflict?: string, ignoredProperties?: dynamic)",
        "turns the keys of a dynamic bag into columns",
        "print d = dynamic({'user': 'root', 'uid': 0}) | evaluate bag_unpack(d)",
    ),
    plugin(
        "basket",
        "(threshold?: real, weight?: column, max_dimensions?: long, wildcards...: any)",
        "every combination of column values that is frequent enough",
        "range n from 1 to 20 step 1 | project Action = iff(n % 4 == 0, 'deny', 'allow'), Port = iff(n % 2 == 0, 443, 22) | evaluate basket(0.4)",
    ),
    refused("cosmosdb_sql_request", "queries Cosmos DB", SERVICE),
    refused("dax_request", "queries Power BI", SERVICE),
    plugin(
        "dcount_intersect",
        "(sketches...: column)",
        "each row with distinct counts of its first sketch, of the first two in common, and so on",
        "range n from 1 to 100 step 1 | summarize even = hll(n * 2), third = hll(n * 3) | evaluate dcount_intersect(even, third) | project s0, s1",
    ),
    plugin(
        "diffpatterns",
        "(split: column, value_a: string, value_b: string, weight?: column, threshold?: real, max_dimensions?: long, wildcards...: any)",
        "patterns of column values whose share differs between two groups of rows",
        "range n from 1 to 40 step 1 | project Day = iff(n > 20, 'today', 'before'), Port = iff(n > 30, 4444, 443) | evaluate diffpatterns(Day, 'before', 'today')",
    ),
    refused("execute_query", "runs a query on another cluster", SERVICE),
    plugin(
        "funnel_sequence",
        "(id: column, timeline: column, start: moment, end: moment, max_step: step, bin: step, state: column, sequence: dynamic)",
        "distinct ids that went through a sequence of states, by what came before and after it",
        "datatable(id: string, t: datetime, s: string)['a', datetime(2026-01-01 10:00), 'login', 'a', datetime(2026-01-01 10:05), 'sudo', 'a', datetime(2026-01-01 10:09), 'logout'] | evaluate funnel_sequence(id, t, datetime(2026-01-01), datetime(2026-01-02), 10m, 1d, s, dynamic(['sudo']))",
    ),
    plugin(
        "funnel_sequence_completion",
        "(id: column, timeline: column, start: moment, end: moment, bin: step, state: column, sequence: dynamic, windows: dynamic)",
        "distinct ids that reached each state of a sequence, within several lengths of time",
        "datatable(id: string, t: datetime, s: string)['a', datetime(2026-01-01 10:00), 'login', 'a', datetime(2026-01-01 10:05), 'sudo'] | evaluate funnel_sequence_completion(id, t, datetime(2026-01-01), datetime(2026-01-02), 1d, s, dynamic(['login', 'sudo']), dynamic([1m, 1h]))",
    ),
    plugin(
        "geo_line_lookup",
        "(lookup: table, key: key, longitude: column, latitude: column, radius: real, return_unmatched?: bool, lookup_area_radius?: real, return_lookup_key?: bool)",
        "joins points to the lines that are near",
        "datatable(lng: real, lat: real)[1.0, 0.001] | evaluate geo_line_lookup((datatable(road: string, line: dynamic)['east', dynamic({'type':'LineString','coordinates':[[0,0],[2,0]]})]), line, lng, lat, 500)",
    ),
    plugin(
        "geo_polygon_lookup",
        "(lookup: table, key: key, longitude: column, latitude: column, radius?: real, return_unmatched?: bool, lookup_area_radius?: real, return_lookup_key?: bool)",
        "joins points to the polygons that hold them",
        "datatable(lng: real, lat: real)[1.0, 0.5] | evaluate geo_polygon_lookup((datatable(zone: string, area: dynamic)['north', dynamic({'type':'Polygon','coordinates':[[[0,0],[2,0],[2,2],[0,0]]]})]), area, lng, lat)",
    ),
    refused("http_request", "fetches an address", SERVICE),
    refused("http_request_post", "posts to an address", SERVICE),
    plugin("identity", "()", "passes rows through", "range n from 1 to 3 step 1 | evaluate identity()"),
    refused("infer_storage_schema", "guesses the schema of external files", FILES),
    refused("infer_storage_schema_with_suggestions", "guesses the schema of external files", FILES),
    plugin(
        "ipv4_lookup",
        "(lookup: table, source: column, key: key, extra_keys...: column, return_unmatched?: bool)",
        "joins IPv4 addresses to the ranges that hold them",
        "datatable(ip: string)['10.1.2.3'] | evaluate ipv4_lookup((datatable(net: string, site: string)['10.0.0.0/8', 'lab']), ip, net)",
    ),
    plugin(
        "ipv6_lookup",
        "(lookup: table, source: column, key: key, return_unmatched?: bool)",
        "joins IPv6 addresses to the ranges that hold them",
        "datatable(ip: string)['fe80::17'] | evaluate ipv6_lookup((datatable(net: string, site: string)['fe80::/10', 'link']), ip, net)",
    ),
    refused("mysql_request", "queries MySQL", SERVICE),
    plugin(
        "narrow",
        "()",
        "turns each cell into a row of row number, column name and value",
        "print a = 1, b = 'x' | evaluate narrow()",
    ),
    plugin(
        "new_activity_metrics",
        "(id: column, timeline: column, start: moment, end: moment, window: step, cohort?: moment, dimensions...: column, lookback?: table)",
        "what became, bin by bin, of the ids that were first seen in each bin",
        "datatable(id: string, t: datetime)['a', datetime(2026-01-01), 'b', datetime(2026-01-01), 'a', datetime(2026-01-02)] | evaluate new_activity_metrics(id, t, datetime(2026-01-01), datetime(2026-01-03), 1d)",
    ),
    plugin(
        "pivot",
        "(pivot: column, aggregate?: aggregate, columns...: column)",
        "turns the values of a column into columns of aggregates",
        "datatable(Host: string, Action: string)['web1', 'allow', 'web1', 'deny', 'db1', 'allow'] | evaluate pivot(Action)",
    ),
    refused("postgresql_request", "queries PostgreSQL", SERVICE),
    plugin("preview", "(rows: long)", "the first rows", "range n from 1 to 100 step 1 | evaluate preview(5)"),
    refused("python", "runs a Python script", CODE),
    refused("r", "runs an R script", CODE),
    plugin(
        "rolling_percentile",
        "(value: column, percentile: real, index: column, bin: step, bins: long, dimensions...: column)",
        "a percentile over the bins up to each bin",
        "range n from 0 to 9 step 1 | evaluate rolling_percentile(n, 50, n, 1, 3)",
    ),
    plugin(
        "rows_near",
        "(condition: predicate, rows: long, rows_after?: long)",
        "rows that meet a condition, with those just before and after",
        "range n from 1 to 9 step 1 | serialize | evaluate rows_near(n == 5, 1)",
    ),
    plugin(
        "schema_merge",
        "(PreserveOrder?: bool)",
        "one schema out of several that `getschema` gave",
        "union (print a = 1 | getschema), (print a = 1, b = 'x' | getschema) | evaluate schema_merge()",
    ),
    plugin(
        "sequence_detect",
        "(timeline: column, max_step: step, max_span: step, steps...: predicate, dimensions...: column)",
        "sequences of rows that meet one condition after the other in time",
        "datatable(t: datetime, s: string, h: string)[datetime(2026-01-01 10:00), 'fail', 'db1', datetime(2026-01-01 10:05), 'ok', 'db1'] | evaluate sequence_detect(t, 10m, 1h, failed = (s == 'fail'), entered = (s == 'ok'), h)",
    ),
    plugin(
        "session_count",
        "(id: column, timeline: column, start: moment, end: moment, bin: step, lookback: step, dimensions...: column)",
        "sessions per bin: an id seen again within the time to look back goes on with its session",
        "datatable(id: string, t: datetime)['a', datetime(2026-01-01 10:00), 'a', datetime(2026-01-01 12:00)] | evaluate session_count(id, t, datetime(2026-01-01), datetime(2026-01-02), 1h, 30m)",
    ),
    plugin(
        "sliding_window_counts",
        "(id: column, timeline: column, start: moment, end: moment, lookback: step, bin: step, dimensions...: column)",
        "rows and distinct ids in the time before the end of each bin",
        "datatable(id: string, t: datetime)['a', datetime(2026-01-01), 'b', datetime(2026-01-02)] | evaluate sliding_window_counts(id, t, datetime(2026-01-01), datetime(2026-01-03), 2d, 1d)",
    ),
    refused("sql_request", "queries SQL Server", SERVICE),
];
