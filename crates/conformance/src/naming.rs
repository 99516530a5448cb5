//! Result names and types, expression by expression: `naming_probe.tsv`.

use bartizan_kql::{AnalyzeOptions, analyze};

use crate::Selection;
use crate::exceptions::Exceptions;
use crate::folder::Folder;
use crate::report::{Outcome, Report};
use crate::workspace::Names;

const NAMING: &str = "naming probes: same columns";

/// The tables that the probes are asked of.
fn probed() -> Names {
    Names::default()
        .with(
            "T",
            "a:string,b:long,i:int,r:real,d:dynamic,t:datetime,s:timespan,m:decimal,g:guid,f:bool,x y:string",
        )
        .with("U", "a:string,b:string,c:long")
        .with("V", "b:long,b1:long")
}

pub(crate) fn check(folder: &Folder, exceptions: &Exceptions, selection: &Selection, report: &mut Report) {
    let names = probed();
    for (query, expected) in &folder.probes {
        if !selection.query(query) {
            continue;
        }
        let analysis = analyze(query, &names, &AnalyzeOptions::default());
        // a type as a value has a type of its own in the reference; here it is the type's name
        let wanted = expected.replace(":type", ":string").replace(":unknown", ":dynamic");
        let ours = analysis.query.as_ref().map(|query| described(query, analysis.open));
        let outcome = match ours {
            None if wanted.starts_with("ERR") => Outcome::Passed,
            Some(ours) if ours == wanted => Outcome::Passed,
            _ if exceptions.reason(query.trim(), query).is_some() => {
                Outcome::Excepted(exceptions.reason(query.trim(), query).unwrap_or_default())
            }
            ours => {
                let first = analysis.diagnostics.first().map(|found| found.message.clone());
                let ours = ours.or(first).unwrap_or_default();
                Outcome::failed("other columns", format!("{ours}; the reference has {wanted}"))
            }
        };
        report.add(NAMING, query, outcome);
    }
}

fn described(query: &bartizan_kql::BoundQuery, open: bool) -> String {
    let columns = query.root.columns();
    let columns: Vec<String> =
        columns.iter().map(|column| format!("{}:{}", column.name, column.ty)).collect();
    format!("{}{}", columns.join(", "), if open { " +open" } else { "" })
}
