//! Comma-separated values, as spreadsheets write them (RFC 4180): quotes around a value, doubled inside it, and line
//! ends within quotes.

/// The rows of `text`; empty lines are none. Reading never fails: a quote that is not closed ends with the text.
pub(super) fn rows(text: &str) -> impl Iterator<Item = Vec<String>> + '_ {
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    std::iter::from_fn(move || {
        loop {
            chars.peek()?;
            let mut row = vec![String::new()];
            let (mut quoted, mut any) = (false, false);
            while let Some(c) = chars.next() {
                let value = row.last_mut().expect("a row starts with a value");
                match c {
                    '"' if quoted && chars.peek() == Some(&'"') => {
                        chars.next();
                        value.push('"');
                    }
                    '"' if quoted => quoted = false,
                    '"' if value.is_empty() => (quoted, any) = (true, true),
                    ',' if !quoted => {
                        any = true;
                        row.push(String::new());
                    }
                    '\r' if !quoted && chars.peek() == Some(&'\n') => {}
                    '\n' if !quoted => break,
                    other => {
                        any = true;
                        value.push(other);
                    }
                }
            }
            if any {
                return Some(row);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    fn read(text: &str) -> Vec<Vec<String>> {
        super::rows(text).collect()
    }

    #[test]
    fn reads_what_spreadsheets_write() {
        assert_eq!(
            read("\u{feff}a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n\r\n,\n"),
            [vec!["a", "b"], vec!["1", "x, \"y\"\nz"], vec!["", ""]]
        );
        assert_eq!(read("\"\"\n\"open,\n"), [vec![""], vec!["open,\n"]]);
        assert_eq!(read("\n\n"), Vec::<Vec<String>>::new());
    }
}
