//! Arguments as one line.

/// Joins arguments with spaces. An argument that is empty, or holds white space or quotes, is quoted the way
/// a shell user would: double quotes, or single ones around double ones. Rules search this text, so nothing
/// is escaped unless both kinds of quote occur.
pub(crate) fn join<S: AsRef<str>>(arguments: &[S]) -> String {
    let mut line = String::new();
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            line.push(' ');
        }
        push_quoted(&mut line, argument.as_ref());
    }
    line
}

fn push_quoted(line: &mut String, argument: &str) {
    let plain =
        !argument.is_empty() && !argument.contains(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    if plain {
        line.push_str(argument);
    } else if !argument.contains('"') {
        line.push('"');
        line.push_str(argument);
        line.push('"');
    } else if !argument.contains('\'') {
        line.push('\'');
        line.push_str(argument);
        line.push('\'');
    } else {
        line.push('"');
        line.push_str(&argument.replace('"', "\\\""));
        line.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_where_needed() {
        for (arguments, line) in [
            (&["ls", "-l"][..], "ls -l"),
            (&["sh", "-c", "curl x | sh"], "sh -c \"curl x | sh\""),
            (&["python3", "-c", "os.system(\"id\")"], "python3 -c 'os.system(\"id\")'"),
            (&["x", ""], "x \"\""),
            (&["a\"b'c"], "\"a\\\"b'c\""),
            (&[], ""),
        ] {
            assert_eq!(join(arguments), line);
        }
    }
}
