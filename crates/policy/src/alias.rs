//! Aliases whose path is not the one their name says.
//!
//! The rule: `Namespace/type/a.b` is `properties.a.b` of resources of that type, or `a.b` beside the properties.
//! `content/policies/aliases/paths.json` lists the exceptions: type → alias → path in the body. Where such a path
//! leads nowhere the rule is tried, so that a type of ours that keeps the property where the alias says is read too.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::field::Path;

/// By lower-case type, then by the steps of the alias in lower case.
static EXCEPTIONS: LazyLock<HashMap<String, Vec<(String, Path)>>> = LazyLock::new(|| {
    let text = include_str!("../../../content/policies/aliases/paths.json");
    let table: Value = serde_json::from_str(text).unwrap_or_default();
    let types = table.as_object().into_iter().flatten();
    types
        .map(|(resource_type, aliases)| {
            let aliases = aliases.as_object().into_iter().flatten();
            let paths = aliases.filter_map(|(alias, path)| {
                Some((alias.to_ascii_lowercase(), Path::parse(path.as_str()?).ok()?))
            });
            (resource_type.to_ascii_lowercase(), paths.collect())
        })
        .collect()
});

/// The path in the body that an alias of `resource_type` (lower case) stands for, when it is an exception.
pub(crate) fn exception(resource_type: &str, alias: &Path) -> Option<&'static Path> {
    let aliases = EXCEPTIONS.get(resource_type)?;
    let is = |text: &str| {
        let mut names = text.split('.');
        alias.0.iter().all(|step| {
            step.stars == 0 && names.next().is_some_and(|name| name.eq_ignore_ascii_case(&step.name))
        }) && names.next().is_none()
    };
    aliases.iter().find(|(text, _)| is(text)).map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;
    use crate::target::Target;
    use bartizan_base::ResourceId;
    use serde_json::json;

    #[test]
    fn every_entry_of_the_table_is_a_path() {
        let text = include_str!("../../../content/policies/aliases/paths.json");
        let table: Value = serde_json::from_str(text).unwrap();
        let entries: usize = table.as_object().unwrap().values().map(|t| t.as_object().unwrap().len()).sum();
        assert_eq!(EXCEPTIONS.values().map(Vec::len).sum::<usize>(), entries);
        assert!(entries > 10);
    }

    #[test]
    fn exceptions_come_before_the_rule_and_fall_back_to_it() {
        let read = |body: Value, alias: &str| {
            let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/machines/web-1";
            let target = Target::new(ResourceId::parse(id).unwrap(), body);
            let field = Field::parse(&format!("Microsoft.HybridCompute/machines/{alias}")).unwrap();
            field.read(&target).into_value()
        };
        // In Azure the alias `osName` of a connected machine holds the family, which the resource spells `osType`.
        let machine = json!({"properties": {"osType": "linux", "osName": "Debian GNU/Linux 12"}});
        assert_eq!(read(machine.clone(), "osName"), json!("linux"));
        assert_eq!(read(machine, "OSNAME"), json!("linux"));
        assert_eq!(read(json!({"properties": {"osName": "Linux"}}), "osName"), json!("Linux"));
    }
}
