//! What a subject must contain for a regular expression to have a chance: searching that is many times
//! faster than running the expression, and most rows have none of it.

use regex_syntax::hir::{Class, ClassUnicodeRange, Hir, HirKind};

/// Shorter texts are in too many subjects to save anything.
const LENGTH_MIN: usize = 3;
/// More alternatives than this cost as much as the expression.
const ALTERNATIVES_MAX: usize = 4;

/// ASCII texts in lower case of which at least one is in every match, letters in either case, unless the subject
/// has a letter that folds to an ASCII one. `None` when there are no such texts.
pub(super) fn required(pattern: &str) -> Option<Vec<String>> {
    let tree = regex_syntax::Parser::new().parse(&super::re2::translated(pattern)).ok()?;
    let mut found = of(&tree)?;
    found.sort_unstable();
    found.dedup();
    (found.len() <= ALTERNATIVES_MAX).then_some(found)
}

fn of(tree: &Hir) -> Option<Vec<String>> {
    match tree.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => {
            let mut run = String::new();
            append(tree, &mut run).then_some(run).filter(|run| run.len() >= LENGTH_MIN).map(|run| vec![run])
        }
        HirKind::Capture(group) => of(&group.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub),
        HirKind::Alternation(branches) => {
            let all = branches.iter().map(of).collect::<Option<Vec<_>>>()?;
            Some(all.into_iter().flatten().collect())
        }
        HirKind::Concat(parts) => {
            let mut candidates = Vec::new();
            let mut run = String::new();
            for part in parts {
                if append(part, &mut run) {
                    continue;
                }
                candidates.push(vec![std::mem::take(&mut run)]);
                candidates.extend(of(part));
            }
            candidates.push(vec![run]);
            // The best is the one whose shortest text is longest.
            let shortest = |texts: &Vec<String>| texts.iter().map(String::len).min().unwrap_or(0);
            candidates.into_iter().filter(|texts| shortest(texts) >= LENGTH_MIN).max_by_key(shortest)
        }
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

/// Adds a part that stands for one ASCII text, apart from case, to a run of such.
fn append(part: &Hir, run: &mut String) -> bool {
    match part.kind() {
        HirKind::Literal(literal) if literal.0.is_ascii() => {
            run.extend(literal.0.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
            true
        }
        HirKind::Class(Class::Unicode(class)) => {
            // `(?i)k` is `[kK]` and the Kelvin sign, `(?i)s` has the long s: subjects with these are run anyway.
            if class.iter().any(|range| !range.end().is_ascii() && !folds_to_ascii(range)) {
                return false;
            }
            let mut ascii = class.iter().filter(|range| range.start().is_ascii());
            let Some(first) = ascii.next().map(|range| range.start()) else { return false };
            let ranges_are_single = class.iter().all(|range| range.start() == range.end());
            let alike = ascii.all(|range| range.start().eq_ignore_ascii_case(&first));
            if ranges_are_single && alike {
                run.push(first.to_ascii_lowercase());
            }
            ranges_are_single && alike
        }
        HirKind::Capture(group) => {
            let length = run.len();
            let fits = append(&group.sub, run);
            if !fits {
                run.truncate(length);
            }
            fits
        }
        _ => false,
    }
}

/// The two letters outside ASCII that case folding makes one with an ASCII letter.
fn folds_to_ascii(range: &ClassUnicodeRange) -> bool {
    range.start() == range.end() && matches!(range.start(), '\u{17f}' | '\u{212a}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_sure_text_is_required() {
        let check = |pattern: &str, wanted: Option<&[&str]>| {
            let found = required(pattern);
            assert_eq!(
                found.as_deref().map(|all| all.iter().map(String::as_str).collect()),
                wanted.map(<[_]>::to_vec),
                "{pattern}"
            );
        };
        check("powershell.*-enc(oded)?", Some(&["powershell"]));
        check("(?i)Domain Admin", Some(&["domain admin"]));
        check("(rundll32|regsvr32)\\.exe", Some(&["regsvr32", "rundll32"]));
        check("(?:certutil)+ -urlcache", Some(&[" -urlcache"]));
        check("[0-9]{1,3}\\.[0-9]+", None);
        check("(abc|.)", None);
        check("x?y*", None);
        check("(?i)task", Some(&["task"]));
        check("t[a\u{e4}]sks", Some(&["sks"]));
        check("a(", None);
    }
}
