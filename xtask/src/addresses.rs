//! `cargo xtask addresses DIR`: makes `content/addresses/ranges.bin.gz` from an unpacked package of countries by
//! address. `content/addresses/README.md` says which package, where it is from and how the file is laid out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use crate::command::{command, execute, root};

/// Begins the file; another layout has another word.
const MAGIC: &[u8] = b"ADDR1";
/// Comes before the description of the database, at its end.
const METADATA: &[u8] = b"\xab\xcd\xefMaxMind.com";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Folder of the unpacked package, with `iptoasn-country-ipv4.mmdb` and `iptoasn-country-ipv6.mmdb`
    package: PathBuf,
}

/// From `start`, up to the next one's: the country with this code, or none.
type Segment = (u64, Option<String>);

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let folder = root().join("content/addresses");
    let known = fs::read_to_string(folder.join("countries.tsv"))?;
    let known: BTreeSet<&str> = known.lines().filter_map(|line| line.split('\t').next()).collect();
    let read =
        |version: u8| segments(&options.package.join(format!("iptoasn-country-ipv{version}.mmdb")), &known);
    let (v4, v6) = (read(4)?, read(6)?);
    let raw = folder.join("ranges.bin");
    fs::write(&raw, pack(&v4, &v6)?)?;
    // Without name and time, so that the same package makes the same file.
    execute(command("gzip", &["-9", "-n", "-f", &raw.display().to_string()]))?;
    println!("addresses: {} ranges of IPv4, {} of IPv6 (gaps are counted)", v4.len(), v6.len());
    Ok(())
}

fn pack(v4: &[Segment], v6: &[Segment]) -> anyhow::Result<Vec<u8>> {
    let codes: BTreeSet<&str> = v4.iter().chain(v6).filter_map(|(_, code)| code.as_deref()).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let mut out = MAGIC.to_vec();
    out.push(u8::try_from(codes.len()).context("more than 255 countries")?);
    codes.iter().for_each(|code| out.extend_from_slice(code.as_bytes()));
    for segments in [v4, v6] {
        out.extend_from_slice(&u32::try_from(segments.len())?.to_le_bytes());
        let mut before = 0;
        for (start, _) in segments {
            varint(&mut out, start - before);
            before = *start;
        }
        for (_, code) in segments {
            // No country is 0; the first one is 1.
            let at = code.as_deref().map_or(0, |code| codes.partition_point(|other| *other <= code));
            out.push(u8::try_from(at)?);
        }
    }
    Ok(out)
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The segments of a database, in order. Codes that are no country's (of whole regions) are none.
fn segments(path: &Path, known: &BTreeSet<&str>) -> anyhow::Result<Vec<Segment>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let database = Database::open(&bytes).with_context(|| format!("`{}`", path.display()))?;
    let mut out: Vec<Segment> = vec![(0, None)];
    // Nodes still to be walked, lowest addresses last: node, the bits that lead to it, how many.
    let mut open = vec![(0_usize, 0_u64, 0_u32)];
    while let Some((node, bits, depth)) = open.pop() {
        if node < database.nodes {
            ensure!(depth < database.depth, "a range is finer than a /{}", database.depth);
            open.push((database.child(node, 1)?, bits << 1 | 1, depth + 1));
            open.push((database.child(node, 0)?, bits << 1, depth + 1));
            continue;
        }
        let code = if node == database.nodes { None } else { Some(database.country(node)?) };
        let code = code.filter(|code| known.contains(code.as_str()));
        let start = if depth == 0 { 0 } else { bits << (database.depth - depth) };
        match out.last_mut() {
            Some((_, last)) if *last == code => {}
            Some((last_start, last)) if *last_start == start => *last = code,
            _ => out.push((start, code)),
        }
    }
    Ok(out)
}

/// A MaxMind DB file, as far as it is needed here: <https://maxmind.github.io/MaxMind-DB/>.
struct Database<'a> {
    bytes: &'a [u8],
    nodes: usize,
    record_bits: usize,
    /// Bits of an address that are looked at: all 32, or the network half of an IPv6 address.
    depth: u32,
}

impl<'a> Database<'a> {
    fn open(bytes: &'a [u8]) -> anyhow::Result<Self> {
        let at = bytes.windows(METADATA.len()).rposition(|part| part == METADATA);
        let metadata = &bytes[at.context("this is no MaxMind DB file")? + METADATA.len()..];
        let number = |name: &str| {
            let found = find(metadata, 0, name)?;
            unsigned(metadata, found)
        };
        let (nodes, record_bits) = (number("node_count")?, number("record_size")?);
        ensure!(matches!(record_bits, 24 | 28 | 32), "records of {record_bits} bits are not known");
        let depth = if number("ip_version")? == 4 { 32 } else { 64 };
        Ok(Self { bytes, nodes, record_bits, depth })
    }

    fn child(&self, node: usize, side: usize) -> anyhow::Result<usize> {
        let size = self.record_bits / 4;
        let record = self.bytes.get(node * size..(node + 1) * size).context("the tree ends early")?;
        let whole = self.record_bits / 8;
        let rest = if side == 0 { &record[..whole] } else { &record[size - whole..] };
        let high = match (self.record_bits, side) {
            (28, 0) => usize::from(record[3] >> 4),
            (28, _) => usize::from(record[3] & 15),
            _ => 0,
        };
        Ok(big_endian(rest) | high << (whole * 8))
    }

    fn country(&self, node: usize) -> anyhow::Result<String> {
        let data = self.nodes * self.record_bits / 4 + 16;
        let section = self.bytes.get(data..).context("the data section is missing")?;
        let at = find(section, node - self.nodes - 16, "country_code")?;
        text(section, at).map(str::to_owned)
    }
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |value, byte| value << 8 | usize::from(*byte))
}

/// The kind of the value at `at`, its size, and where its content begins.
fn control(data: &[u8], at: usize) -> anyhow::Result<(u8, usize, usize)> {
    let byte = |at: usize| data.get(at).copied().context("the data ends early");
    let first = byte(at)?;
    let (mut kind, mut next) = (first >> 5, at + 1);
    if kind == 1 {
        let (bytes, base) = match first >> 3 & 3 {
            0 => (1, 0),
            1 => (2, 2048),
            2 => (3, 526_336),
            _ => (4, 0),
        };
        let high = if bytes == 4 { 0 } else { usize::from(first & 7) << (8 * bytes) };
        let low = big_endian(data.get(next..next + bytes).context("the data ends early")?);
        let (kind, size, content) = control(data, high + low + base)?;
        ensure!(kind != 1, "a pointer points to a pointer");
        return Ok((kind, size, content));
    }
    if kind == 0 {
        kind = 7 + byte(next)?;
        next += 1;
    }
    let size = usize::from(first & 31);
    ensure!(size < 29, "a value of more than 28 bytes or members is not expected here");
    Ok((kind, size, next))
}

/// Where the value of a member begins, in the map at `at`. Members before it are text, numbers or empty.
fn find(data: &[u8], at: usize, name: &str) -> anyhow::Result<usize> {
    let (kind, members, mut next) = control(data, at)?;
    ensure!(kind == 7, "a map was expected");
    for _ in 0..members {
        let key = text(data, next)?;
        let value = after(data, next)?;
        if key == name {
            return Ok(value);
        }
        next = after(data, value)?;
    }
    bail!("there is no member `{name}`")
}

/// Where what follows the value at `at` begins.
fn after(data: &[u8], at: usize) -> anyhow::Result<usize> {
    let first = *data.get(at).context("the data ends early")?;
    if first >> 5 == 1 {
        return Ok(at + 2 + usize::from(first >> 3 & 3));
    }
    let (kind, size, mut next) = control(data, at)?;
    match kind {
        7 => (0..2 * size).try_for_each(|_| after(data, next).map(|end| next = end))?,
        11 => (0..size).try_for_each(|_| after(data, next).map(|end| next = end))?,
        14 => {}
        _ => next += size,
    }
    Ok(next)
}

fn text(data: &[u8], at: usize) -> anyhow::Result<&str> {
    let (kind, size, content) = control(data, at)?;
    ensure!(kind == 2, "text was expected");
    Ok(std::str::from_utf8(data.get(content..content + size).context("the data ends early")?)?)
}

fn unsigned(data: &[u8], at: usize) -> anyhow::Result<usize> {
    let (kind, size, content) = control(data, at)?;
    ensure!(matches!(kind, 5 | 6 | 9), "a number was expected");
    Ok(big_endian(data.get(content..content + size).context("the data ends early")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database of one bit: addresses that begin with 0 are in GB, the others in no country.
    fn small() -> Vec<u8> {
        let mut bytes = vec![0, 0, 17, 0, 0, 1];
        bytes.extend([0; 16]);
        bytes.extend(b"\xe1\x4ccountry_code\x42GB");
        bytes.extend(METADATA);
        bytes.extend(b"\xe3\x4anode_count\xc1\x01\x4brecord_size\xc1\x18\x4aip_version\xc1\x04");
        bytes
    }

    #[test]
    fn a_tree_becomes_segments() {
        let file = std::env::temp_dir().join(format!("xtask-addresses-{}.mmdb", std::process::id()));
        fs::write(&file, small()).unwrap();
        let read = |known: &[&str]| segments(&file, &known.iter().copied().collect()).unwrap();
        assert_eq!(read(&["GB"]), [(0, Some("GB".to_owned())), (1 << 31, None)]);
        assert_eq!(read(&["FR"]), [(0, None)], "a code that is no country's is none");
        fs::write(&file, b"nothing of the kind").unwrap();
        assert!(segments(&file, &BTreeSet::new()).is_err());
        fs::remove_file(&file).unwrap();
    }

    #[test]
    fn segments_are_packed_as_differences() {
        let of = |start, code: Option<&str>| (start, code.map(str::to_owned));
        let packed = pack(&[of(0, None), of(300, Some("GB"))], &[of(0, Some("FR"))]).unwrap();
        let mut wanted = b"ADDR1\x02FRGB".to_vec();
        wanted.extend([2, 0, 0, 0, 0, 0xac, 2, 0, 2]);
        wanted.extend([1, 0, 0, 0, 0, 1]);
        assert_eq!(packed, wanted);
    }
}
