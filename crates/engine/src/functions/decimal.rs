//! `decimal`: numbers of up to 34 decimal digits, as a 128-bit decimal has, held as canonical text.
//!
//! Canonical text has no exponent and no zeros that do not count, so that equal numbers are equal texts:
//! `==`, grouping and joins work on the text and only order and arithmetic take it apart.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use arrow::datatypes::i256;

use super::convert::real_text;
use super::kernel::{Entry, strict};
use crate::value::Value;

/// Digits a number keeps.
const DIGITS_MAX: u32 = 34;
/// Digits after the point; what is smaller is rounded away.
const SCALE_MAX: u32 = 34;
/// A written exponent beyond this is zero or too large whatever the digits are.
const EXPONENT_MAX: i32 = 10_000;

/// `mantissa / 10^scale`, with the smallest scale that holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// Not a number, or more than 34 digits before the point.
#[derive(Debug)]
pub(crate) struct NotDecimal;

impl Decimal {
    pub(crate) const ZERO: Self = Self { mantissa: 0, scale: 0 };

    /// Rounds to what fits, half away from zero; `None` when the whole part does not fit.
    fn fit(mantissa: i256, scale: u32) -> Option<Self> {
        let mut digits = 0;
        let mut rest = mantissa;
        while rest != i256::ZERO {
            rest = rest.checked_div(ten())?;
            digits += 1;
        }
        let drop = digits.max(DIGITS_MAX) - DIGITS_MAX;
        let drop = drop.max(scale.saturating_sub(SCALE_MAX));
        if drop > scale {
            return None;
        }
        let kept = if drop > digits { i256::ZERO } else { divide_rounded(mantissa, power(drop)?)? };
        let (mut mantissa, mut scale) = (kept.to_i128()?, scale - drop);
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Some(Self { mantissa, scale })
    }

    fn wide(self) -> i256 {
        i256::from_i128(self.mantissa)
    }

    /// Both numbers under one scale.
    fn aligned(self, other: Self) -> Option<(i256, i256, u32)> {
        let scale = self.scale.max(other.scale);
        let left = self.wide().checked_mul(power(scale - self.scale)?)?;
        let right = other.wide().checked_mul(power(scale - other.scale)?)?;
        Some((left, right, scale))
    }

    pub(crate) fn add(self, other: Self) -> Option<Self> {
        let (left, right, scale) = self.aligned(other)?;
        Self::fit(left.checked_add(right)?, scale)
    }

    pub(crate) fn subtract(self, other: Self) -> Option<Self> {
        self.add(Self { mantissa: -other.mantissa, ..other })
    }

    fn multiply(self, other: Self) -> Option<Self> {
        Self::fit(self.wide().checked_mul(other.wide())?, self.scale + other.scale)
    }

    /// `None` for a division by zero.
    pub(crate) fn divide(self, other: Self) -> Option<Self> {
        // As many digits more than the divisor's as a result keeps, and one to round by.
        let extra = DIGITS_MAX + 1 + other.scale.saturating_sub(self.scale);
        let dividend = self.wide().checked_mul(power(extra)?)?;
        Self::fit(divide_rounded(dividend, other.wide())?, self.scale + extra - other.scale)
    }

    /// The remainder is never negative, as with `long`.
    fn remainder(self, other: Self) -> Option<Self> {
        let (left, right, scale) = self.aligned(other)?;
        let rest = left.checked_rem(right)?;
        let rest = if rest.is_negative() { rest.checked_add(right.wrapping_abs())? } else { rest };
        Self::fit(rest, scale)
    }

    /// Rounds half away from zero to `digits` after the point, or before it when negative.
    pub(crate) fn round(self, digits: i64) -> Option<Self> {
        if digits >= i64::from(self.scale) {
            return Some(self);
        }
        let drop = u32::try_from(i64::from(self.scale) - digits.max(-i64::from(DIGITS_MAX))).ok()?;
        let kept = divide_rounded(self.wide(), power(drop)?)?;
        if digits >= 0 {
            return Self::fit(kept, u32::try_from(digits).ok()?);
        }
        Self::fit(kept.checked_mul(power(u32::try_from(-digits).ok()?.min(DIGITS_MAX))?)?, 0)
    }

    /// The largest whole number that is not above.
    pub(crate) fn floor(self) -> Option<Self> {
        let one = power(self.scale)?;
        let rest = self.wide().checked_rem(one)?;
        let down = if rest.is_negative() { rest.checked_add(one)? } else { rest };
        Self::fit(self.wide().checked_sub(down)?, self.scale)
    }

    pub(crate) fn ceiling(self) -> Option<Self> {
        let floor = Self { mantissa: -self.mantissa, ..self }.floor()?;
        Some(Self { mantissa: -floor.mantissa, ..floor })
    }

    /// Down to a multiple of `size`; `None` for a size that is not positive.
    fn bin(self, size: Self) -> Option<Self> {
        if size.mantissa <= 0 {
            return None;
        }
        self.subtract(self.remainder(size)?)
    }

    pub(crate) fn abs(self) -> Self {
        Self { mantissa: self.mantissa.abs(), ..self }
    }

    pub(crate) fn signum(self) -> i64 {
        self.mantissa.signum() as i64
    }

    pub(crate) fn from_long(value: i64) -> Self {
        Self { mantissa: i128::from(value), scale: 0 }
    }

    /// The number a real prints as: `0.1` is a tenth, not the nearest fraction of a power of two.
    pub(crate) fn from_real(value: f64) -> Option<Self> {
        if value.is_finite() { real_text(value).parse().ok() } else { None }
    }

    /// Towards zero; `None` outside the range of a long.
    pub(crate) fn to_long(self) -> Option<i64> {
        let whole = self.wide().checked_div(power(self.scale)?)?;
        i64::try_from(whole.to_i128()?).ok()
    }

    /// Of any number.
    pub(crate) fn of(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Decimal(text) | Value::String(text) => text.parse().ok(),
            Value::Int(value) => Some(Self::from_long(i64::from(*value))),
            Value::Long(value) => Some(Self::from_long(*value)),
            Value::Bool(value) => Some(Self::from_long(i64::from(*value))),
            Value::Real(value) => Self::from_real(*value),
            _ => None,
        }
    }

    pub(crate) fn into_value<'a>(self) -> Value<'a> {
        Value::Decimal(self.to_string().into())
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.aligned(*other) {
            Some((left, right, _)) => left.cmp(&right),
            // 34 digits moved by 34 places stay below 2^256.
            None => self.signum().cmp(&other.signum()),
        }
    }
}

/// `-1.5`, `.5`, `1e3`. Digits that do not fit are rounded away.
impl FromStr for Decimal {
    type Err = NotDecimal;

    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        parse(text.trim()).ok_or(NotDecimal)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let digits = format!("{:0width$}", self.mantissa.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let point = if scale == 0 { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

fn parse(text: &str) -> Option<Decimal> {
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (number, exponent) = match body.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (body, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut digits = whole.bytes().chain(fraction.bytes());
    if whole.len() + fraction.len() == 0 || !digits.all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    if exponent.abs() > EXPONENT_MAX {
        return None;
    }
    let mut mantissa = i256::ZERO;
    let mut scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let mut taken = 0_u32;
    for digit in whole.bytes().chain(fraction.bytes()) {
        // Two digits beyond those kept decide the rounding; the rest only moves the point.
        if taken < DIGITS_MAX + 2 {
            mantissa = mantissa.checked_mul(ten())?.checked_add(i256::from_i128(i128::from(digit - b'0')))?;
            taken += u32::from(mantissa != i256::ZERO);
        } else {
            scale -= 1;
        }
    }
    if scale > 70 {
        return Some(Decimal::ZERO);
    }
    if scale < 0 {
        if mantissa == i256::ZERO {
            return Some(Decimal::ZERO);
        }
        mantissa = mantissa.checked_mul(power(scale.unsigned_abs())?)?;
        scale = 0;
    }
    let mantissa = if negative { mantissa.wrapping_neg() } else { mantissa };
    Decimal::fit(mantissa, scale.unsigned_abs())
}

fn ten() -> i256 {
    i256::from_i128(10)
}

/// `10^exponent`, up to what 256 bits hold.
fn power(exponent: u32) -> Option<i256> {
    if exponent > 76 { None } else { ten().checked_pow(exponent) }
}

/// Half away from zero.
fn divide_rounded(dividend: i256, divisor: i256) -> Option<i256> {
    let quotient = dividend.checked_div(divisor)?;
    let rest = dividend.checked_rem(divisor)?.wrapping_abs();
    let half = divisor.wrapping_abs().checked_sub(rest)?;
    if rest < half {
        return Some(quotient);
    }
    let away = if dividend.is_negative() == divisor.is_negative() { i256::ONE } else { i256::MINUS_ONE };
    quotient.checked_add(away)
}

/// Unary minus.
pub(crate) const NEGATE: Entry = strict("decimal neg", |args, _| {
    Decimal::of(&args[0])
        .and_then(|number| Decimal::ZERO.subtract(number))
        .map_or(Value::Null, Decimal::into_value)
});

/// Text that sorts as the numbers do, for engines that compare bytes.
pub(crate) const SORT_KEY: Entry = strict("decimal_sort_key", |args, _| match Decimal::of(&args[0]) {
    Some(number) => Value::string(sort_key(number)),
    None => Value::Null,
});

/// Digits of both parts at fixed places behind the sign; those of negative numbers are complemented.
fn sort_key(number: Decimal) -> String {
    let scale = number.scale as usize;
    let digits = format!("{:0width$}", number.mantissa.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let (before, after) = (DIGITS_MAX as usize, SCALE_MAX as usize);
    let key = format!("{whole:0>before$}{fraction:0<after$}");
    if number.mantissa < 0 {
        let complement = key.bytes().map(|digit| char::from(b'9' - (digit - b'0')));
        return std::iter::once('-').chain(complement).collect();
    }
    // `p` follows `-`.
    format!("p{key}")
}

/// The kernel of an arithmetic operator with a decimal operand.
pub(crate) fn arithmetic(function: &str) -> Option<Entry> {
    macro_rules! operator {
        ($name:literal, $method:expr) => {
            Some(strict($name, |args, _| {
                let method: fn(Decimal, Decimal) -> Option<Decimal> = $method;
                let operands = Decimal::of(&args[0]).zip(Decimal::of(&args[1]));
                operands.and_then(|(a, b)| method(a, b)).map_or(Value::Null, Decimal::into_value)
            }))
        };
    }
    match function {
        "+" => operator!("decimal +", Decimal::add),
        "-" => operator!("decimal -", Decimal::subtract),
        "*" => operator!("decimal *", Decimal::multiply),
        "/" => operator!("decimal /", Decimal::divide),
        "%" => operator!("decimal %", Decimal::remainder),
        "bin" => operator!("decimal bin", Decimal::bin),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn equal_numbers_have_one_text() {
        for (written, canonical) in [
            ("1.50", "1.5"),
            ("-0", "0"),
            ("1e3", "1000"),
            ("12e-3", "0.012"),
            (".5", "0.5"),
            ("1E-80", "0"),
            ("0e9999", "0"),
            ("1000000000000000000000000000000000", "1000000000000000000000000000000000"),
            ("0.12345678901234567890123456789012345", "0.1234567890123456789012345678901235"),
        ] {
            assert_eq!(number(written).to_string(), canonical, "{written}");
        }
        for wrong in ["", "-", "1e", "x", "1.2.3", "1e99999", "1e40", "12345678901234567890123456789012345"] {
            assert!(wrong.parse::<Decimal>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn arithmetic_keeps_34_digits() {
        let text = |value: Option<Decimal>| value.map(|value| value.to_string());
        assert_eq!(text(number("0.1").add(number("0.2"))).as_deref(), Some("0.3"));
        assert_eq!(
            text(number("1").divide(number("3"))).as_deref(),
            Some("0.3333333333333333333333333333333333")
        );
        assert_eq!(text(number("2").divide(number("0.0004"))).as_deref(), Some("5000"));
        assert_eq!(number("1").divide(Decimal::ZERO), None);
        assert_eq!(text(number("-7").remainder(number("3"))).as_deref(), Some("2"));
        assert_eq!(text(number("-1.25").round(1)).as_deref(), Some("-1.3"));
        assert_eq!(text(number("1250").round(-2)).as_deref(), Some("1300"));
        assert_eq!(text(number("-1.25").floor()).as_deref(), Some("-2"));
        assert_eq!(text(number("-1.25").ceiling()).as_deref(), Some("-1"));
        let huge = number("9999999999999999999999999999999999");
        assert_eq!(huge.multiply(huge), None);
        assert_eq!(huge.add(Decimal::from_long(1)), None);
    }

    #[test]
    fn keys_sort_as_numbers() {
        let sorted = ["-1e33", "-20.5", "-3", "-0.001", "0", "0.001", "2.9", "3", "1e33"];
        for pair in sorted.windows(2) {
            let (a, b) = (number(pair[0]), number(pair[1]));
            assert!(a < b, "{pair:?}");
            assert!(sort_key(a) < sort_key(b), "{pair:?}");
        }
    }
}
