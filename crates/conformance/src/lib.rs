//! Compares our KQL with the reference's: real queries with the reference binder's verdict, the examples of
//! the public documentation with their answers, and result columns expression by expression.
//!
//! [`check_folder`] takes any folder of such material. Nothing here knows a particular query: where the
//! reference is wrong, `exceptions.json` says so by id and hash of the text, or a [`divergence`] says so for
//! every query of its kind, and the report lists each of them with its reason.

mod cells;
mod corpus;
mod divergence;
mod documented;
mod exceptions;
mod folder;
mod formatting;
mod naming;
mod nowhere;
mod report;
mod workspace;

pub use folder::Folder;
pub use report::{Failure, Report, Tally};

use workspace::Workspace;

/// What to check.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `corpus`, `documented`, `naming`, or the id of one query; everything when absent.
    pub only: Option<String>,
}

impl Selection {
    fn part(&self, name: &str) -> bool {
        self.only
            .as_deref()
            .is_none_or(|only| only == name || !["corpus", "documented", "naming"].contains(&only))
    }

    fn query(&self, id: &str) -> bool {
        self.only
            .as_deref()
            .is_none_or(|only| ["corpus", "documented", "naming"].contains(&only) || only == id)
    }
}

/// Checks everything a folder holds.
///
/// # Errors
/// When the folder's files cannot be read, or no store can be made for its tables.
pub async fn check_folder(folder: &Folder, selection: &Selection) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let exceptions = exceptions::Exceptions::ours()?;
    let workspace = Workspace::open(folder).await?;
    if selection.part("corpus") {
        corpus::check(folder, &workspace, &exceptions, selection, &mut report).await;
    }
    if selection.part("documented") {
        documented::check(folder, &workspace, &exceptions, selection, &mut report).await;
    }
    if selection.part("naming") {
        naming::check(folder, &exceptions, selection, &mut report);
    }
    Ok(report)
}
