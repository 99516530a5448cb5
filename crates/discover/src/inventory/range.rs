//! Ranges in host names: `web[01:20]`, `db-[a:f]`, `n[0:100:10]`, several in one name.

use crate::machine::MACHINES_MAX;

/// Letters of a range: both ends one letter of the same case.
const LETTERS: [std::ops::RangeInclusive<char>; 2] = ['a'..='z', 'A'..='Z'];

/// All names that a pattern stands for; itself when it has no range.
pub(super) fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let Some((before, rest)) = pattern.split_once('[') else { return Ok(vec![pattern.to_owned()]) };
    let wrong = || format!("the range in `{}` is none such as [01:20], [a:f] or [0:100:10]", shown(pattern));
    let (range, after) = rest.split_once(']').ok_or_else(wrong)?;
    // `[2001:db8::1]:22` is an address, of which only the port may follow.
    if before.is_empty() && range.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(vec![range.to_owned()]);
    }
    let parts = parts(range).ok_or_else(wrong)?;
    let ends = expand(after)?;
    if parts.len().saturating_mul(ends.len()) > MACHINES_MAX {
        return Err(format!("`{}` stands for more than {MACHINES_MAX} hosts", shown(pattern)));
    }
    let names = parts.iter().flat_map(|part| ends.iter().map(move |end| format!("{before}{part}{end}")));
    Ok(names.collect())
}

fn parts(range: &str) -> Option<Vec<String>> {
    let mut words = range.split(':');
    let (first, last) = (words.next()?, words.next()?);
    let step: usize = words.next().map_or(Some(1), |step| step.parse().ok())?;
    if words.next().is_some() || step == 0 {
        return None;
    }
    let letter = |text: &str| text.chars().next().filter(|c| c.is_ascii_alphabetic() && text.len() == 1);
    if let (Some(first), Some(last)) = (letter(first), letter(last)) {
        let same = LETTERS.iter().any(|letters| letters.contains(&first) && letters.contains(&last));
        return (same && first <= last).then(|| (first..=last).step_by(step).map(String::from).collect());
    }
    let number =
        |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    // An empty start is 0, as in Ansible.
    let (from, to) = (if first.is_empty() { 0 } else { number(first)? }, number(last)?);
    // Leading zeros are kept, and then both ends are as wide.
    let padded = first.len() > 1 && first.starts_with('0');
    if from > to || (padded && first.len() != last.len()) || (to - from) as usize / step > MACHINES_MAX {
        return None;
    }
    let width = if padded { first.len() } else { 0 };
    Some((from..=to).step_by(step).map(|number| format!("{number:0width$}")).collect())
}

fn shown(pattern: &str) -> String {
    pattern.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn ranges() {
        assert_eq!(expand("web").unwrap(), ["web"]);
        assert_eq!(expand("web[08:11].x").unwrap(), ["web08.x", "web09.x", "web10.x", "web11.x"]);
        assert_eq!(expand("n[8:11]").unwrap(), ["n8", "n9", "n10", "n11"]);
        assert_eq!(expand("n[0:100:50]").unwrap(), ["n0", "n50", "n100"]);
        assert_eq!(expand("n[:2]").unwrap(), ["n0", "n1", "n2"]);
        assert_eq!(expand("db-[a:c]").unwrap(), ["db-a", "db-b", "db-c"]);
        assert_eq!(expand("r[1:2]n[a:b]").unwrap(), ["r1na", "r1nb", "r2na", "r2nb"]);
        assert_eq!(expand("[2001:db8::1]").unwrap(), ["2001:db8::1"]);
        for wrong in [
            "[",
            "a[1",
            "a[]",
            "a[1]",
            "a[1:2:0]",
            "a[1:2:3:4]",
            "a[c:a]",
            "a[a:C]",
            "a[01:100]",
            "a[-1:2]",
            "a[+1:2]",
        ] {
            assert!(expand(wrong).is_err(), "{wrong}");
        }
    }
}
