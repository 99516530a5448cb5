
use bartizan_kql::{BoundQuery, Catalog, Diagnostic};
pub struct AnalyzeOptions { pub now: bartizan_base::Ticks }
impl Default for AnalyzeOptions { fn default() -> Self { Self { now: bartizan_base::Ticks(0) } } }
pub struct Analysis { pub query: Option<BoundQuery>, pub diagnostics: Vec<Diagnostic> }
pub fn analyze(_text: &str, _catalog: &dyn Catalog, _options: &AnalyzeOptions) -> Analysis { Analysis { query: None, diagnostics: Vec::new() } }
