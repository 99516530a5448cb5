//! One package header as the rpm database stores it: an index of tagged entries over a block of data.
//!
//! ```text
//! entries u32 | data bytes u32 | entry* (tag u32, type u32, offset u32, count u32) | data     (big-endian)
//! ```

use super::dpkg::Package;

const TAG_NAME: u32 = 1000;
const TAG_VERSION: u32 = 1001;
const TAG_RELEASE: u32 = 1002;
const TAG_EPOCH: u32 = 1003;
const TAG_SUMMARY: u32 = 1004;
const TAG_VENDOR: u32 = 1011;
const TAG_ARCHITECTURE: u32 = 1022;
const TAG_SOURCE: u32 = 1044;

const TYPE_INT32: u32 = 4;
const TYPE_STRING: u32 = 6;
const TYPE_I18N_STRING: u32 = 9;
/// Real headers have some hundred entries; files alone make many.
const ENTRIES_MAX: usize = 1 << 16;

/// Reads a header; `None` for anything that is not one.
pub fn parse(bytes: &[u8]) -> Option<Package> {
    let header = Header::new(bytes)?;
    let text = |tag| header.text(tag).unwrap_or_default();
    let epoch = header.number(TAG_EPOCH).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    Some(Package {
        name: header.text(TAG_NAME)?,
        version: format!("{epoch}{}-{}", header.text(TAG_VERSION)?, text(TAG_RELEASE)),
        architecture: text(TAG_ARCHITECTURE),
        publisher: text(TAG_VENDOR),
        summary: text(TAG_SUMMARY),
        source: text(TAG_SOURCE),
    })
}

struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let entries = u32_at(bytes, 0)? as usize;
        let data_bytes = u32_at(bytes, 4)? as usize;
        if entries > ENTRIES_MAX {
            return None;
        }
        let data_start = 8 + entries * 16;
        let index = bytes.get(8..data_start)?;
        let data = bytes.get(data_start..data_start.checked_add(data_bytes)?)?;
        Some(Self { index, data })
    }

    fn find(&self, tag: u32, kinds: &[u32]) -> Option<&'a [u8]> {
        let entry = self.index.chunks_exact(16).find(|entry| u32_at(entry, 0) == Some(tag))?;
        let kind = u32_at(entry, 4)?;
        if !kinds.contains(&kind) {
            return None;
        }
        self.data.get(u32_at(entry, 8)? as usize..)
    }

    /// The first string of the entry; translations follow it.
    fn text(&self, tag: u32) -> Option<String> {
        let bytes = self.find(tag, &[TYPE_STRING, TYPE_I18N_STRING])?;
        let end = bytes.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    fn number(&self, tag: u32) -> Option<u32> {
        u32_at(self.find(tag, &[TYPE_INT32])?, 0)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header with the given texts, and epoch 1.
    pub(crate) fn build(texts: &[(u32, &str)]) -> Vec<u8> {
        let mut data = 1_u32.to_be_bytes().to_vec();
        let mut index = Vec::new();
        for number in [TAG_EPOCH, TYPE_INT32, 0, 1] {
            index.extend(number.to_be_bytes());
        }
        for (tag, text) in texts {
            for number in [*tag, TYPE_STRING, data.len() as u32, 1] {
                index.extend(number.to_be_bytes());
            }
            data.extend(text.as_bytes());
            data.push(0);
        }
        let mut out = ((texts.len() + 1) as u32).to_be_bytes().to_vec();
        out.extend((data.len() as u32).to_be_bytes());
        out.extend(index);
        out.extend(data);
        out
    }

    #[test]
    fn a_header_is_read_and_every_damaged_one_refused_without_panic() {
        let texts = [
            (TAG_NAME, "bash"),
            (TAG_VERSION, "5.1.8"),
            (TAG_RELEASE, "9.el9"),
            (TAG_ARCHITECTURE, "x86_64"),
        ];
        let good = build(&texts);
        let package = parse(&good).unwrap();
        assert_eq!((package.name.as_str(), package.version.as_str()), ("bash", "1:5.1.8-9.el9"));
        for length in 0..good.len() {
            drop(parse(&good[..length]));
        }
        for at in 0..good.len() {
            let mut damaged = good.clone();
            damaged[at] ^= 0xff;
            drop(parse(&damaged));
        }
        assert_eq!(parse(b"garbage that is long enough to have an index"), None);
    }
}
