//! Damage to texts and bytes: most of what comes out is wrong in one place and right in the others.

use bartizan_kql::syntax::source_tokens;

use crate::dictionary::{BRACKETS, words};
use crate::random::Random;

/// Longest input. Longer texts are the business of tests, which know what should happen to them.
const INPUT_BYTES_MAX: usize = 16 << 10;
/// Times that a piece is repeated or nested at most: beyond the depth that parsers refuse.
const REPEAT_MAX: usize = 300;

/// A query with a few pieces moved, repeated, nested, replaced or broken.
pub(crate) fn text(seeds: &[String], random: &mut Random) -> String {
    let mut text = seeds.get(random.below(seeds.len())).cloned().unwrap_or_default();
    for _ in 0..=random.below(5) {
        text = match random.below(10) {
            0..=7 => tokens(&text, seeds, random),
            8 => damaged(text.into_bytes(), random),
            _ => piped(&text, seeds, random),
        };
        cut(&mut text);
    }
    text
}

/// Bytes with a few of them changed, moved, repeated or cut.
pub(crate) fn bytes(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds.get(random.below(seeds.len())).cloned().unwrap_or_default();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(32)).min(bytes.len());
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                let again = piece.repeat(1 + random.below(REPEAT_MAX));
                bytes.splice(at..at, again).for_each(drop);
            }
            3 => {
                let other = seeds.get(random.below(seeds.len())).map_or(&[][..], Vec::as_slice);
                let from = random.below(other.len() + 1);
                let to = (from + random.below(64)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied()).for_each(drop);
            }
            // lengths and counts at the edges of their types
            4 => {
                let edge = [0_u32, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff][random.below(8)];
                let four = if random.below(2) == 0 { edge.to_be_bytes() } else { edge.to_le_bytes() };
                bytes.splice(at..(at + 4).min(bytes.len()), four).for_each(drop);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
        bytes.truncate(INPUT_BYTES_MAX);
    }
    bytes
}

fn tokens(text: &str, seeds: &[String], random: &mut Random) -> String {
    let pieces = pieces(text);
    let at = random.below(pieces.len() + 1);
    let end = (at + 1 + random.below(8)).min(pieces.len());
    let (before, inside, after) =
        (pieces[..at].concat(), pieces[at..end.max(at)].concat(), pieces[end.max(at)..].concat());
    match random.below(8) {
        0 => before + &after,
        1 => before + &inside.repeat(1 + random.below(REPEAT_MAX)) + &after,
        2 => {
            let (open, close) = BRACKETS[random.below(BRACKETS.len())];
            let depth = if random.below(4) == 0 { random.below(REPEAT_MAX) } else { 1 };
            before + &open.repeat(depth) + &inside + &close.repeat(depth) + &after
        }
        3 => {
            let other = seeds.get(random.below(seeds.len())).map_or("", String::as_str);
            let others = self::pieces(other);
            let from = random.below(others.len() + 1);
            let to = (from + random.below(16)).min(others.len());
            before + &others[from..to].concat() + &after
        }
        4 => before + random.one_of(words()).unwrap_or_default() + &after,
        5 => before + random.one_of(words()).unwrap_or_default() + &inside + &after,
        6 => before,
        // two neighbours change places
        _ => {
            let middle = (at + 1).min(end.max(at));
            before + &pieces[middle..end.max(middle)].concat() + &pieces[at..middle].concat() + &after
        }
    }
}

/// One query's beginning and another's end, cut at a pipe.
fn piped(text: &str, seeds: &[String], random: &mut Random) -> String {
    let other = seeds.get(random.below(seeds.len())).map_or("", String::as_str);
    let stages: Vec<&str> = text.split('|').collect();
    let others: Vec<&str> = other.split('|').collect();
    let kept = 1 + random.below(stages.len());
    let from = random.below(others.len());
    [&stages[..kept.min(stages.len())], &others[from..]].concat().join("|")
}

fn damaged(mut bytes: Vec<u8>, random: &mut Random) -> String {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << random.below(8);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The text, token by token and with what stands between them.
fn pieces(text: &str) -> Vec<&str> {
    source_tokens(text).iter().filter_map(|token| text.get(token.span.start..token.span.end)).collect()
}

fn cut(text: &mut String) {
    let mut end = INPUT_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}
