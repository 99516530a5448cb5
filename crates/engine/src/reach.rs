//! What a query may read besides its own workspace. Who asks decides it, so it comes with the request: without it, a
//! query reads its own workspace and what is known to all.

use std::sync::Arc;

use bartizan_base::WorkspaceId;

/// The other workspaces of a query.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Those that `workspace("…")` may name.
    pub others: Arc<[NamedWorkspace]>,
    /// Those whose tables are read together with the tables of the same name of the query's own workspace, wherever a
    /// table is named.
    pub among: Arc<[WorkspaceId]>,
}

/// A workspace and what queries may call it.
#[derive(Clone, Debug)]
pub struct NamedWorkspace {
    /// Its id, which is one of its names too.
    pub id: WorkspaceId,
    /// Compared without regard to case. A name that several have names none of them.
    pub names: Vec<String>,
}

impl Reach {
    /// The workspace that `name` means, if it is one alone.
    pub(crate) fn find(&self, name: &str) -> Option<WorkspaceId> {
        let is_called = |workspace: &&NamedWorkspace| {
            name.eq_ignore_ascii_case(&workspace.id.to_string())
                || workspace.names.iter().any(|own| own.eq_ignore_ascii_case(name))
        };
        let mut found = self.others.iter().filter(is_called);
        let first = found.next()?;
        found.next().is_none().then_some(first.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_several_is_nobodys() {
        let named = |number, names: &[&str]| NamedWorkspace {
            id: WorkspaceId(uuid::Uuid::from_u128(number)),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let others = [named(1, &["soc", "/one/soc"]), named(2, &["SOC", "/two/soc"]), named(3, &["dev"])];
        let reach = Reach { others: others.into(), ..Reach::default() };
        let found = |name: &str| reach.find(name).map(|workspace| workspace.0.as_u128());
        assert_eq!(["soc", "/TWO/soc", "Dev", "ops"].map(found), [None, Some(2), Some(3), None]);
        assert_eq!(found("00000000-0000-0000-0000-000000000001"), Some(1));
    }
}
