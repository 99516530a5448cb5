//! Which country an address belongs to, by the table in `content/addresses`; its README says where that is from.
//!
//! The table is unpacked at the first question and stays: about 3 MB. A question is a binary search.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use flate2::read::GzDecoder;

/// The layout that is read here.
const MAGIC: &[u8] = b"ADDR1";
/// More than the table has unpacked, and little enough to hold.
const UNPACKED_MAX: u64 = 16 << 20;

static PACKED: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/addresses/ranges.bin.gz"));
static NAMES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/addresses/countries.tsv"));

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::read(PACKED).unwrap_or_else(|| {
        tracing::error!("the table of countries by address cannot be read; no address has a country");
        Table::default()
    })
});

/// A country of ISO 3166.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country {
    /// Two letters.
    pub code: &'static str,
    /// The short name in English.
    pub name: &'static str,
}

/// The country of the network that an address belongs to. None for addresses that are not public, and for those that
/// the table does not have.
pub fn country_of(address: IpAddr) -> Option<Country> {
    let address = address.to_canonical();
    if !is_public(address) {
        return None;
    }
    let at = match address {
        IpAddr::V4(address) => TABLE.v4.find(u32::from(address)),
        IpAddr::V6(address) => TABLE.v6.find((u128::from(address) >> 64) as u64),
    };
    TABLE.countries.get(usize::from(at?.checked_sub(1)?)).copied()
}

/// Whether an address may be routed on the internet: those of private networks, of this host, of a link, of groups, and
/// those kept for documents and for later may not.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let kept = match (a, b, c) {
        (0 | 127 | 240.., ..) | (100, 64..=127, _) | (198, 18..=19, _) | (192, 0, 0) => true,
        _ => address.is_private() || address.is_link_local() || address.is_documentation(),
    };
    !kept && !address.is_multicast()
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // All that was ever given out begins with the bits 001.
    let [a, b, ..] = address.segments();
    a >> 13 == 1 && (a, b) != (0x2001, 0xdb8) && (a, b >> 12) != (0x3fff, 0)
}

#[derive(Debug, Default)]
struct Table {
    countries: Vec<Country>,
    v4: Segments<u32>,
    /// By the network half of an address: no range is finer.
    v6: Segments<u64>,
}

/// Each from its start up to the next one's: a country's place from 1, or 0.
#[derive(Debug, Default)]
struct Segments<T> {
    starts: Vec<T>,
    countries: Vec<u8>,
}

impl<T: Ord + Copy> Segments<T> {
    fn find(&self, address: T) -> Option<u8> {
        let after = self.starts.partition_point(|start| *start <= address);
        self.countries.get(after.checked_sub(1)?).copied()
    }
}

impl Table {
    fn read(packed: &[u8]) -> Option<Self> {
        let mut bytes = Vec::new();
        GzDecoder::new(packed).take(UNPACKED_MAX).read_to_end(&mut bytes).ok()?;
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let (count, after) = rest.split_first()?;
        let (codes, after) = after.split_at_checked(2 * usize::from(*count))?;
        rest = after;
        let countries = codes.chunks_exact(2).map(country).collect::<Option<_>>()?;
        let v4 = segments(&mut rest, *count, |start| u32::try_from(start).ok())?;
        let v6 = segments(&mut rest, *count, Some)?;
        rest.is_empty().then_some(Self { countries, v4, v6 })
    }
}

/// The country with this code.
fn country(code: &[u8]) -> Option<Country> {
    NAMES
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(code, name)| Country { code, name })
        .find(|country| country.code.as_bytes() == code)
}

/// Reads the segments of one kind of address: how many, the distance from start to start, the countries.
fn segments<T: Ord>(rest: &mut &[u8], most: u8, start: fn(u64) -> Option<T>) -> Option<Segments<T>> {
    let (count, after) = rest.split_first_chunk()?;
    *rest = after;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let (mut starts, mut at) = (Vec::with_capacity(count.min(rest.len())), 0_u64);
    for _ in 0..count {
        at = at.checked_add(varint(rest)?)?;
        starts.push(start(at)?);
    }
    let (countries, after) = rest.split_at_checked(count)?;
    *rest = after;
    let sound = starts.is_sorted_by(|a, b| a < b) && countries.iter().all(|country| *country <= most);
    sound.then(|| Segments { starts, countries: countries.to_vec() })
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::Write as _;

    use super::*;

    fn code(address: &str) -> Option<&'static str> {
        country_of(address.parse().unwrap()).map(|country| country.code)
    }

    #[test]
    fn every_code_has_one_name() {
        let names: Vec<(&str, &str)> = NAMES.lines().map(|line| line.split_once('\t').unwrap()).collect();
        let codes: HashSet<&str> = names.iter().map(|(code, _)| *code).collect();
        let distinct: HashSet<&str> = names.iter().map(|(_, name)| *name).collect();
        assert_eq!((names.len(), codes.len(), distinct.len()), (249, 249, 249));
        assert!(names.iter().all(|(code, name)| code.len() == 2 && name.trim() == *name && !name.is_empty()));
    }

    #[test]
    fn the_shipped_table_is_sound_and_large() {
        let table = Table::read(PACKED).unwrap();
        assert!(table.v4.starts.len() > 100_000 && table.v6.starts.len() > 50_000);
        assert!(table.countries.len() > 200);
    }

    #[test]
    fn well_known_networks_have_their_country() {
        // Of registries, universities and public resolvers, which do not move.
        for (address, wanted) in [
            ("8.8.8.8", "US"),
            ("193.0.6.139", "NL"),
            ("133.11.0.1", "JP"),
            ("131.111.8.46", "GB"),
            ("129.132.1.1", "CH"),
            ("200.160.2.3", "BR"),
            ("2001:4860:4860::8888", "US"),
            ("2001:67c:2e8:22::c100:68b", "NL"),
            ("::ffff:129.132.1.1", "CH"),
        ] {
            assert_eq!(code(address), Some(wanted), "{address}");
        }
        assert_eq!(country_of("131.111.8.46".parse().unwrap()).unwrap().name, "United Kingdom");
    }

    #[test]
    fn addresses_that_are_not_public_have_no_country() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "2001:db8::1",
            "64:ff9b::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
            assert_eq!(code(address), None, "{address}");
        }
        for address in ["100.128.0.1", "172.32.0.1", "198.20.0.1", "223.255.255.255", "2001:db9::1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    fn packed(body: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(MAGIC).unwrap();
        out.write_all(body).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn ranges_end_where_the_next_begins_and_gaps_are_nobodys() {
        // IPv4: nobody to 9, FR from 10, nobody from 310, GB from 311. IPv6: GB from 1.
        let body = b"\x02FRGB\x04\0\0\0\x00\x0a\xac\x02\x01\x00\x01\x00\x02\x01\0\0\0\x01\x02";
        let table = Table::read(&packed(body)).unwrap();
        let found = [0, 9, 10, 309, 310, 311, u32::MAX].map(|address| table.v4.find(address).unwrap());
        assert_eq!(found, [0, 0, 1, 1, 0, 2, 2]);
        assert_eq!([0, 1, u64::MAX].map(|address| table.v6.find(address)), [None, Some(2), Some(2)]);
        assert_eq!(table.countries[1].name, "United Kingdom");
    }

    #[test]
    fn a_damaged_table_is_refused() {
        for body in [
            &b""[..],
            b"\x01XX\0\0\0\0\0\0\0\0",                           // no such country
            b"\x00\x01\0\0\0\x00\x01\0\0\0\0",                   // a country that is not in the list
            b"\x01FR\x02\0\0\0\x05\x00\x00\x01\0\0\0\0",         // starts that do not rise
            b"\x01FR\xff\xff\xff\xff",                           // ends early
            b"\x01FR\0\0\0\0\0\0\0\0more",                       // more than was said
            b"\x01FR\x01\0\0\0\xff\xff\xff\xff\x7f\x00\0\0\0\0", // beyond the last address
        ] {
            assert!(Table::read(&packed(body)).is_none(), "{body:?}");
        }
        assert!(Table::read(b"nothing compressed").is_none());
    }
}
