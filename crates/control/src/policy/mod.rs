//! Policy insights: what is asked of policies beside the evaluation itself, which is `plans`'.
//!
//! | what | file |
//! | --- | --- |
//! | actions by POST on `Microsoft.PolicyInsights` | `doors` |
//! | states and their summary; events | `states`, `history` |
//! | OData options of both | `query`, `filter` |
//! | `triggerEvaluation` | `scan` |
//! | `checkPolicyRestrictions` | `restrictions` |
//! | `bartizan policy import` | `import` |
//! | remediations: their settings, their way, their deployments | `remediation` |

mod doors;
mod filter;
mod history;
pub mod import;
mod query;
pub(crate) mod remediation;
mod restrictions;
mod scan;
mod states;

use crate::app::App;
use crate::plans::PlansContext;

pub(crate) use doors::{act, check_restrictions};
pub(crate) use scan::{RESULT_TYPE as SCAN_RESULT_TYPE, result as scan_result, run};

/// The namespace of everything here.
pub(crate) const NAMESPACE: &str = "Microsoft.PolicyInsights";

/// What the evaluation works with.
fn context(app: &App) -> PlansContext {
    PlansContext {
        records: app.records.clone(),
        clock: std::sync::Arc::clone(&app.clock),
        known: std::sync::Arc::clone(&app.known_states),
        stop: app.stop.clone(),
    }
}
