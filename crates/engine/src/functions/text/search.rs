//! Which rows of a text column may match, found by searching the bytes of many rows in one go.
//!
//! Texts that were read from a file lie one behind the other in one buffer. Going through that buffer takes a
//! fraction of what starting anew at each row does, and in most queries nearly no row matches. Whether a row
//! that is found here does match is for the caller to see.

use arrow::array::{Array, ByteView, StringViewArray};
use memchr::{memchr3, memmem};

use super::needle::Needle;

/// Texts up to this length lie in their views and not in a buffer.
const INLINE_MAX: u32 = 12;
/// Bytes between two texts that are searched along with them: Parquet keeps a length of four there.
const GAP_MAX: usize = 16;
/// Shorter runs are not worth the setting up.
const RUN_ROWS_MIN: usize = 16;

/// What a row has if it matches.
pub(super) enum Sought<'a> {
    /// Letters in this case.
    Exact(&'a memmem::Finder<'static>),
    /// ASCII letters in either case.
    AnyCase(&'a Needle),
    /// A letter that may stand for an ASCII one, see [`may_fold_to_ascii`].
    Folding,
}

impl Sought<'_> {
    fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        match self {
            Self::Exact(finder) => finder.find(bytes.get(from..)?).map(|at| from + at),
            Self::AnyCase(needle) => needle.find(bytes, from),
            Self::Folding => first_folding(bytes.get(from..)?).map(|at| from + at),
        }
    }
}

/// Whether a text has a letter that lowering or case folding may turn into an ASCII one: the dotted capital I
/// (U+0130), the long s (U+017F) and the Kelvin sign (U+212A) are all there are. Others that begin with the same
/// byte count too.
pub(super) fn may_fold_to_ascii(text: &str) -> bool {
    first_folding(text.as_bytes()).is_some()
}

fn first_folding(bytes: &[u8]) -> Option<usize> {
    memchr3(0xC4, 0xC5, 0xE2, bytes)
}

/// A text in a buffer.
struct Text {
    row: usize,
    start: usize,
    end: usize,
}

/// For each row whether it may have any of `sought`. Rows that do not lie in a run may.
pub(super) fn rows_with_any(texts: &StringViewArray, sought: &[Sought<'_>]) -> Vec<bool> {
    let mut may = vec![false; texts.len()];
    let mut run: Vec<Text> = Vec::new();
    let mut buffer = 0;
    for (row, view) in texts.views().iter().enumerate() {
        if *view as u32 <= INLINE_MAX || texts.is_null(row) {
            may[row] = true;
            continue;
        }
        let view = ByteView::from(*view);
        let start = view.offset as usize;
        let follows = view.buffer_index == buffer
            && run.last().is_none_or(|last| start >= last.end && start - last.end <= GAP_MAX);
        if !follows {
            search(texts, buffer, &run, sought, &mut may);
            run.clear();
            buffer = view.buffer_index;
        }
        run.push(Text { row, start, end: start + view.length as usize });
    }
    search(texts, buffer, &run, sought, &mut may);
    may
}

/// Marks the rows of a run that may have any of `sought`.
fn search(texts: &StringViewArray, buffer: u32, run: &[Text], sought: &[Sought<'_>], may: &mut [bool]) {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
    let bytes = texts.data_buffers().get(buffer as usize).and_then(|all| all.get(first.start..last.end));
    let Some(bytes) = bytes.filter(|_| run.len() >= RUN_ROWS_MIN) else {
        run.iter().for_each(|text| may[text.row] = true);
        return;
    };
    // Where many rows have it, looking at each is cheaper than finding each.
    let most = run.len() / 4;
    for sought in sought {
        let (mut at, mut from, mut found_rows) = (0, 0, 0);
        while let Some(found) = sought.find(bytes, from) {
            let place = first.start + found;
            at += run[at..].partition_point(|text| text.start <= place).saturating_sub(1);
            if place < run[at].end {
                may[run[at].row] = true;
                found_rows += 1;
            }
            if found_rows > most {
                run[at..].iter().for_each(|text| may[text.row] = true);
                break;
            }
            at += 1;
            let Some(next) = run.get(at) else { break };
            from = next.start - first.start;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::buffer::{Buffer, ScalarBuffer};

    /// Texts in one buffer, each behind four bytes, as they are read from a Parquet page.
    fn page(texts: &[String]) -> StringViewArray {
        let mut bytes = Vec::new();
        let views = texts.iter().map(|text| {
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            let start = bytes.len() as u32;
            bytes.extend_from_slice(text.as_bytes());
            arrow::array::make_view(text.as_bytes(), 0, start)
        });
        let views: ScalarBuffer<u128> = views.collect();
        StringViewArray::new(views, vec![Buffer::from_vec(bytes)], None)
    }

    fn all_with(texts: &[String], needle: &str) -> (Vec<bool>, Vec<bool>) {
        let exact = memmem::Finder::new(needle).into_owned();
        let any_case = Needle::new(needle);
        let array = page(texts);
        (
            rows_with_any(&array, &[Sought::Exact(&exact)]),
            rows_with_any(&array, &[Sought::AnyCase(&any_case), Sought::Folding]),
        )
    }

    #[test]
    fn no_row_that_has_it_is_missed_and_few_others_are_named() {
        // needles at either end and across two texts; some texts lie in their views and part the others
        let text = |n: usize| match n {
            200..=210 => "short".to_owned(),
            _ => format!(
                "a longer text {}{}{}",
                "x".repeat(n % 40),
                if n.is_multiple_of(97) { "Needle" } else { "" },
                "y".repeat(n % 7)
            ),
        };
        let mut texts: Vec<String> = (0..400).map(text).collect();
        texts[100] = "a text that ends in nee".to_owned();
        texts[101] = "dle begins here, behind a length".to_owned();
        texts[102] = "the NEEDLE in capital letters".to_owned();
        texts[103] = "the need\u{131}e with a dotless i".to_owned();
        texts[104] = "a \u{212a}elvin sign in a longer text".to_owned();
        for needle in ["Needle", "nee", "dle", "e", "zzz"] {
            let (exact, any_case) = all_with(&texts, needle);
            for (row, text) in texts.iter().enumerate() {
                assert!(exact[row] || !text.contains(needle), "{needle} in {row}");
                let found = text.to_lowercase().contains(&needle.to_lowercase());
                assert!(any_case[row] || !found, "{needle} in {row}");
            }
        }
        let (exact, any_case) = all_with(&texts, "Needle");
        let long = |row: usize| texts[row].len() > 12;
        let named = |may: &[bool]| (0..texts.len()).filter(|row| may[*row] && long(*row)).collect::<Vec<_>>();
        assert_eq!(named(&exact), vec![0, 97, 194, 291, 388]);
        // beside those that have it, the two with letters of which one may stand for an ASCII one
        assert_eq!(named(&any_case), vec![0, 97, 102, 103, 104, 194, 291, 388]);
    }

    #[test]
    fn a_text_that_most_rows_have_is_not_looked_for_row_by_row() {
        let texts: Vec<String> = (0..100).map(|n| format!("every row has the word, {n}")).collect();
        let (exact, any_case) = all_with(&texts, "word");
        assert!(exact.iter().chain(&any_case).all(|may| *may));
    }

    #[test]
    fn rows_that_do_not_follow_each_other_are_left_to_the_caller() {
        let texts: Vec<String> = (0..40).map(|n| format!("some text of one row, {n}")).collect();
        let array = page(&texts);
        let backwards: Vec<u64> = (0..40).rev().collect();
        let taken = arrow::compute::take(&array, &arrow::array::UInt64Array::from(backwards), None).unwrap();
        let taken = arrow::array::AsArray::as_string_view(&taken).clone();
        let needle = Needle::new("nowhere");
        assert_eq!(rows_with_any(&taken, &[Sought::AnyCase(&needle)]), vec![true; 40]);
        assert_eq!(rows_with_any(&array, &[Sought::AnyCase(&needle)]), vec![false; 40]);
        assert!(rows_with_any(&array.slice(0, 0), &[Sought::Folding]).is_empty());
    }
}
