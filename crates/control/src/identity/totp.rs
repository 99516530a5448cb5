//! Time-based one-time passwords (RFC 6238): HMAC-SHA-1, 30 seconds, six digits, as all authenticator apps do.

use aws_lc_rs::hmac;
use bartizan_base::Ticks;
use rand::RngCore;

const STEP_SECONDS: i64 = 30;
/// Steps that a clock may be off.
const STEPS_OFF: i64 = 1;
/// RFC 4226 recommends 160 bits.
const SECRET_BYTES: usize = 20;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new shared secret, base32.
pub(super) fn new_secret() -> String {
    let mut bytes = [0_u8; SECRET_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    encode(&bytes)
}

/// What authenticator apps read as a picture.
pub(super) fn uri(name: &str, secret: &str) -> String {
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("otpauth://totp/Bartizan:{}?secret={secret}&issuer=Bartizan", name.replace('+', "%20"))
}

/// The time step whose code this is, if it is one around `now`.
pub(super) fn step_of(secret: &str, code: &str, now: Ticks) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let secret = decode(secret)?;
    let current = now.unix_seconds().div_euclid(STEP_SECONDS);
    let mut found = None;
    // All are computed, whichever fits.
    for step in current - STEPS_OFF..=current + STEPS_OFF {
        let expected = self::code(&secret, step);
        if aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok() {
            found = Some(step);
        }
    }
    found
}

/// The code of a step (RFC 4226, section 5.3).
fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 0x0f);
    let number = u32::from_be_bytes([tag[at], tag[at + 1], tag[at + 2], tag[at + 3]]) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

fn encode(bytes: &[u8]) -> String {
    let (mut out, mut buffer, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(ALPHABET[(buffer >> bits & 31) as usize]));
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(char::from(ALPHABET[(buffer << (5 - bits) & 31) as usize]));
    }
    out
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for byte in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == byte.to_ascii_uppercase())?;
        buffer = buffer << 5 | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((buffer >> bits & 0xff) as u8);
        }
        buffer &= (1 << bits) - 1;
    }
    Some(out)
}

/// The code of `secret` at `now`, for tests that sign in.
pub fn code_at(secret: &str, now: Ticks) -> Option<String> {
    Some(code(&decode(secret)?, now.unix_seconds().div_euclid(STEP_SECONDS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, cut to six digits.
    #[test]
    fn codes_of_the_standard() {
        let secret = encode(b"12345678901234567890");
        assert_eq!(secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            let now = Ticks::from_unix_millis(seconds * 1000);
            assert_eq!(code_at(&secret, now).unwrap(), expected);
            assert_eq!(step_of(&secret, expected, now), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_is_good_for_its_step_and_the_next_ones() {
        let secret = new_secret();
        let at = |seconds: i64| Ticks::from_unix_millis(seconds * 1000);
        let code = code_at(&secret, at(3000)).unwrap();
        assert_eq!(step_of(&secret, &code, at(3030)), Some(100));
        assert_eq!(step_of(&secret, &format!(" {} {}", &code[..3], &code[3..]), at(2970)), Some(100));
        assert_eq!(step_of(&secret, &code, at(3060)), None);
        assert_eq!(step_of(&secret, "", at(3000)), None);
        assert_eq!(decode(&secret).unwrap().len(), 20);
        assert_eq!(uri("a b", "X"), "otpauth://totp/Bartizan:a%20b?secret=X&issuer=Bartizan");
    }
}
