//! Taking the examples of declarations apart. They are ours and short, so a look at quotes and brackets is enough.

/// A call in a text: where it stands, and its arguments as they are written.
pub(super) struct Call<'t> {
    pub before: &'t str,
    pub name: &'t str,
    pub args: Vec<&'t str>,
    pub after: &'t str,
}

/// Goes through a text: `see` gets every byte that stands outside of quotes, its place, and how many brackets are
/// open before it.
fn outside_quotes(text: &str, mut see: impl FnMut(u8, usize, usize)) {
    let (mut quote, mut depth, mut escaped) = (None, 0_usize, false);
    let mut verbatim = false;
    let bytes = text.as_bytes();
    for (at, byte) in text.bytes().enumerate() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if byte == b'\\' && !verbatim => escaped = true,
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if matches!(byte, b'"' | b'\'') => {
                verbatim = at > 0 && bytes[at - 1] == b'@';
                quote = Some(byte);
            }
            None => {
                if matches!(byte, b')' | b']' | b'}') {
                    depth = depth.saturating_sub(1);
                }
                see(byte, at, depth);
                if matches!(byte, b'(' | b'[' | b'{') {
                    depth += 1;
                }
            }
        }
    }
}

/// The first call of `name` in a text.
pub(super) fn call<'t>(text: &'t str, name: &str) -> Option<Call<'t>> {
    let start = text.match_indices(&format!("{name}(")).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    })?;
    let open = start + name.len();
    let inside = &text[open..];
    let (mut end, mut commas) = (None, Vec::new());
    outside_quotes(inside, |byte, at, depth| match byte {
        b')' if depth == 0 && end.is_none() => end = Some(at),
        b',' if depth == 1 && end.is_none() => commas.push(at),
        _ => {}
    });
    let end = end?;
    let mut args = Vec::new();
    let mut from = 1;
    for at in commas.into_iter().chain([end]) {
        args.push(inside[from..at].trim());
        from = at + 1;
    }
    if args == [""] {
        args.clear();
    }
    Some(Call { before: &text[..start], name: &text[start..open], args, after: &inside[end + 1..] })
}

/// The operators of a query, each with the `|` before it, and what stands before the first.
pub(super) fn pipeline(text: &str) -> (&str, Vec<&str>) {
    let mut pipes = Vec::new();
    outside_quotes(text, |byte, at, depth| {
        if byte == b'|' && depth == 0 {
            pipes.push(at);
        }
    });
    let first = pipes.first().copied().unwrap_or(text.len());
    let ends = pipes.iter().copied().skip(1).chain([text.len()]);
    (&text[..first], pipes.iter().zip(ends).map(|(from, to)| &text[*from..to]).collect())
}

#[test]
fn calls_are_taken_apart() {
    let text = "print 1 | extend x = f(a, g(1, 2), ')', @'\\', dynamic([1, 2])) + 1";
    let found = call(text, "f").unwrap();
    assert_eq!(found.args, ["a", "g(1, 2)", "')'", "@'\\'", "dynamic([1, 2])"]);
    assert_eq!((found.before, found.after), ("print 1 | extend x = ", " + 1"));
    assert!(call("print now()", "now").unwrap().args.is_empty());
    let (source, operators) = pipeline("T | where x has '|' | union (U | take 1)");
    assert_eq!((source, operators), ("T ", vec!["| where x has '|' ", "| union (U | take 1)"]));
}
