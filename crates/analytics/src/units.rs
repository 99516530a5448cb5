//! Units of measure: how many of the base unit each is worth.
//!
//! Names are those of KQL's `convert_…` functions. Factors are exact where the unit is defined so.

use std::f64::consts::PI;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// In degrees.
    Angle,
    /// In joules.
    Energy,
    /// In newtons.
    Force,
    /// In metres.
    Length,
    /// In kilograms.
    Mass,
    /// In metres per second.
    Speed,
    /// In kelvins.
    Temperature,
    /// In cubic metres.
    Volume,
}

/// `value` of the unit `from` in the unit `to`, without regard to the case of names. `None` when a unit is
/// not one of the quantity's.
pub fn convert(quantity: Quantity, value: f64, from: &str, to: &str) -> Option<f64> {
    if from.eq_ignore_ascii_case(to) {
        return factor(quantity, from).map(|_| value).or_else(|| to_base(quantity, 0.0, from).map(|_| value));
    }
    match (factor(quantity, from), factor(quantity, to)) {
        // One rounding less than going over the base unit.
        (Some(from), Some(to)) => Some(value * (from / to)),
        _ => from_base(quantity, to_base(quantity, value, from)?, to),
    }
}

fn factor(quantity: Quantity, unit: &str) -> Option<f64> {
    let units = match quantity {
        Quantity::Angle => ANGLE,
        Quantity::Energy => ENERGY,
        Quantity::Force => FORCE,
        Quantity::Length => LENGTH,
        Quantity::Mass => MASS,
        Quantity::Speed => SPEED,
        Quantity::Temperature => return None,
        Quantity::Volume => VOLUME,
    };
    units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| *factor)
}

/// A temperature scale: kelvins are `(degrees + shift) * step`.
fn scale(unit: &str) -> Option<(f64, f64)> {
    const SCALES: &[(&str, f64, f64)] = &[
        ("Kelvin", 0.0, 1.0),
        ("DegreeCelsius", 273.15, 1.0),
        ("MillidegreeCelsius", 273_150.0, 1e-3),
        ("DegreeFahrenheit", 459.67, 5.0 / 9.0),
        ("DegreeRankine", 0.0, 5.0 / 9.0),
        ("DegreeReaumur", 273.15 * 0.8, 1.25),
        ("DegreeRoemer", 273.15 * 21.0 / 40.0 - 7.5, 40.0 / 21.0),
        ("DegreeNewton", 273.15 * 0.33, 100.0 / 33.0),
        ("DegreeDelisle", -559.725, -2.0 / 3.0),
        ("SolarTemperature", 0.0, 5778.0),
    ];
    SCALES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(unit)).map(|(_, shift, step)| (*shift, *step))
}

fn to_base(quantity: Quantity, value: f64, unit: &str) -> Option<f64> {
    match quantity {
        Quantity::Temperature => scale(unit).map(|(shift, step)| (value + shift) * step),
        // A tilt is the sine of an angle.
        Quantity::Angle if unit.eq_ignore_ascii_case("Tilt") => Some(value.asin().to_degrees()),
        _ => factor(quantity, unit).map(|factor| value * factor),
    }
}

fn from_base(quantity: Quantity, value: f64, unit: &str) -> Option<f64> {
    match quantity {
        Quantity::Temperature => scale(unit).map(|(shift, step)| value / step - shift),
        Quantity::Angle if unit.eq_ignore_ascii_case("Tilt") => Some(value.to_radians().sin()),
        _ => factor(quantity, unit).map(|factor| value / factor),
    }
}

const RADIAN: f64 = 180.0 / PI;

const ANGLE: &[(&str, f64)] = &[
    ("Degree", 1.0),
    ("Arcminute", 1.0 / 60.0),
    ("Arcsecond", 1.0 / 3600.0),
    ("Centiradian", RADIAN * 1e-2),
    ("Deciradian", RADIAN * 1e-1),
    ("Gradian", 0.9),
    ("Microdegree", 1e-6),
    ("Microradian", RADIAN * 1e-6),
    ("Millidegree", 1e-3),
    ("Milliradian", RADIAN * 1e-3),
    ("Nanodegree", 1e-9),
    ("Nanoradian", RADIAN * 1e-9),
    ("NatoMil", 360.0 / 6400.0),
    ("Radian", RADIAN),
    ("Revolution", 360.0),
];

const BTU: f64 = 1_055.055_852_62;
const CALORIE: f64 = 4.184;
const ELECTRON_VOLT: f64 = 1.602_176_634e-19;
const WATT_HOUR: f64 = 3600.0;
const THERM_EC: f64 = 1.055_055_852_62e8;
const THERM_US: f64 = 1.054_804e8;

const ENERGY: &[(&str, f64)] = &[
    ("Joule", 1.0),
    ("BritishThermalUnit", BTU),
    ("KilobritishThermalUnit", BTU * 1e3),
    ("MegabritishThermalUnit", BTU * 1e6),
    ("GigabritishThermalUnit", BTU * 1e9),
    ("Calorie", CALORIE),
    ("Kilocalorie", CALORIE * 1e3),
    ("Megacalorie", CALORIE * 1e6),
    ("DecathermEc", THERM_EC * 10.0),
    ("DecathermImperial", THERM_EC * 10.0),
    ("DecathermUs", THERM_US * 10.0),
    ("ThermEc", THERM_EC),
    ("ThermImperial", THERM_EC),
    ("ThermUs", THERM_US),
    ("ElectronVolt", ELECTRON_VOLT),
    ("KiloelectronVolt", ELECTRON_VOLT * 1e3),
    ("MegaelectronVolt", ELECTRON_VOLT * 1e6),
    ("GigaelectronVolt", ELECTRON_VOLT * 1e9),
    ("TeraelectronVolt", ELECTRON_VOLT * 1e12),
    ("Erg", 1e-7),
    ("FootPound", 1.355_817_948_331_400_4),
    ("HorsepowerHour", 2_684_519.537_696_173),
    ("Millijoule", 1e-3),
    ("Kilojoule", 1e3),
    ("Megajoule", 1e6),
    ("Gigajoule", 1e9),
    ("WattHour", WATT_HOUR),
    ("KilowattHour", WATT_HOUR * 1e3),
    ("MegawattHour", WATT_HOUR * 1e6),
    ("GigawattHour", WATT_HOUR * 1e9),
    ("TerawattHour", WATT_HOUR * 1e12),
    ("WattDay", WATT_HOUR * 24.0),
    ("KilowattDay", WATT_HOUR * 24e3),
    ("MegawattDay", WATT_HOUR * 24e6),
    ("GigawattDay", WATT_HOUR * 24e9),
    ("TerawattDay", WATT_HOUR * 24e12),
];

/// Standard gravity, in newtons a kilogram.
const GRAVITY: f64 = 9.806_65;
const POUND: f64 = 0.453_592_37;

const FORCE: &[(&str, f64)] = &[
    ("Newton", 1.0),
    ("Decanewton", 10.0),
    ("Dyn", 1e-5),
    ("KilogramForce", GRAVITY),
    ("Kilonewton", 1e3),
    ("KiloPond", GRAVITY),
    ("KilopoundForce", POUND * GRAVITY * 1e3),
    ("Meganewton", 1e6),
    ("Micronewton", 1e-6),
    ("Millinewton", 1e-3),
    ("OunceForce", POUND * GRAVITY / 16.0),
    ("Poundal", 0.138_254_954_376),
    ("PoundForce", POUND * GRAVITY),
    ("ShortTonForce", POUND * GRAVITY * 2e3),
    ("TonneForce", GRAVITY * 1e3),
];

const INCH: f64 = 0.0254;
const FOOT: f64 = 0.3048;
const MILE: f64 = 1609.344;
const SURVEY_FOOT: f64 = 1200.0 / 3937.0;
const LIGHT_YEAR: f64 = 9_460_730_472_580_800.0;
const PARSEC: f64 = 3.085_677_581_491_367e16;

const LENGTH: &[(&str, f64)] = &[
    ("Meter", 1.0),
    ("Angstrom", 1e-10),
    ("AstronomicalUnit", 149_597_870_700.0),
    ("Centimeter", 1e-2),
    ("Chain", FOOT * 66.0),
    ("DataMile", FOOT * 6e3),
    ("Decameter", 10.0),
    ("Decimeter", 1e-1),
    ("DtpPica", INCH / 6.0),
    ("DtpPoint", INCH / 72.0),
    ("Fathom", FOOT * 6.0),
    ("Foot", FOOT),
    ("Hand", INCH * 4.0),
    ("Hectometer", 1e2),
    ("Inch", INCH),
    ("KilolightYear", LIGHT_YEAR * 1e3),
    ("Kilometer", 1e3),
    ("Kiloparsec", PARSEC * 1e3),
    ("LightYear", LIGHT_YEAR),
    ("MegalightYear", LIGHT_YEAR * 1e6),
    ("Megaparsec", PARSEC * 1e6),
    ("Microinch", INCH * 1e-6),
    ("Micrometer", 1e-6),
    ("Mil", INCH * 1e-3),
    ("Mile", MILE),
    ("Millimeter", 1e-3),
    ("Nanometer", 1e-9),
    ("NauticalMile", 1852.0),
    ("Parsec", PARSEC),
    ("PrinterPica", INCH / 6.022_5),
    ("PrinterPoint", INCH / 72.27),
    ("Shackle", FOOT * 90.0),
    ("SolarRadius", 6.957e8),
    ("Twip", INCH / 1440.0),
    ("UsSurveyFoot", SURVEY_FOOT),
    ("Yard", 0.9144),
];

const MASS: &[(&str, f64)] = &[
    ("Kilogram", 1.0),
    ("Centigram", 1e-5),
    ("Decagram", 1e-2),
    ("Decigram", 1e-4),
    ("EarthMass", 5.9722e24),
    ("Grain", POUND / 7e3),
    ("Gram", 1e-3),
    ("Hectogram", 1e-1),
    ("Kilopound", POUND * 1e3),
    ("Kilotonne", 1e6),
    ("LongHundredweight", POUND * 112.0),
    ("LongTon", POUND * 2240.0),
    ("Megapound", POUND * 1e6),
    ("Megatonne", 1e9),
    ("Microgram", 1e-9),
    ("Milligram", 1e-6),
    ("Nanogram", 1e-12),
    ("Ounce", POUND / 16.0),
    ("Pound", POUND),
    ("ShortHundredweight", POUND * 100.0),
    ("ShortTon", POUND * 2e3),
    ("Slug", POUND * GRAVITY / FOOT),
    ("SolarMass", 1.988_47e30),
    ("Stone", POUND * 14.0),
    ("Tonne", 1e3),
];

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

const SPEED: &[(&str, f64)] = &[
    ("MeterPerSecond", 1.0),
    ("MeterPerMinute", 1.0 / MINUTE),
    ("MeterPerHour", 1.0 / HOUR),
    ("CentimeterPerSecond", 1e-2),
    ("CentimeterPerMinute", 1e-2 / MINUTE),
    ("CentimeterPerHour", 1e-2 / HOUR),
    ("DecimeterPerSecond", 1e-1),
    ("DecimeterPerMinute", 1e-1 / MINUTE),
    ("FootPerSecond", FOOT),
    ("FootPerMinute", FOOT / MINUTE),
    ("FootPerHour", FOOT / HOUR),
    ("InchPerSecond", INCH),
    ("InchPerMinute", INCH / MINUTE),
    ("InchPerHour", INCH / HOUR),
    ("KilometerPerSecond", 1e3),
    ("KilometerPerMinute", 1e3 / MINUTE),
    ("KilometerPerHour", 1e3 / HOUR),
    ("Knot", 1852.0 / HOUR),
    ("MicrometerPerSecond", 1e-6),
    ("MicrometerPerMinute", 1e-6 / MINUTE),
    ("MilePerHour", MILE / HOUR),
    ("MillimeterPerSecond", 1e-3),
    ("MillimeterPerMinute", 1e-3 / MINUTE),
    ("MillimeterPerHour", 1e-3 / HOUR),
    ("NanometerPerSecond", 1e-9),
    ("NanometerPerMinute", 1e-9 / MINUTE),
    ("UsSurveyFootPerSecond", SURVEY_FOOT),
    ("UsSurveyFootPerMinute", SURVEY_FOOT / MINUTE),
    ("UsSurveyFootPerHour", SURVEY_FOOT / HOUR),
    ("YardPerSecond", 0.9144),
    ("YardPerMinute", 0.9144 / MINUTE),
    ("YardPerHour", 0.9144 / HOUR),
];

const LITER: f64 = 1e-3;
const CUBIC_FOOT: f64 = FOOT * FOOT * FOOT;
const CUBIC_INCH: f64 = INCH * INCH * INCH;
const US_GALLON: f64 = CUBIC_INCH * 231.0;
const IMPERIAL_GALLON: f64 = 4.546_09e-3;

const VOLUME: &[(&str, f64)] = &[
    ("CubicMeter", 1.0),
    // Not 43,560 cubic feet to the last digit: the service counts this many to a cubic metre.
    ("AcreFoot", 1.0 / 0.000_810_714),
    ("AuTablespoon", 2e-5),
    ("BoardFoot", CUBIC_FOOT / 12.0),
    ("Centiliter", LITER * 1e-2),
    ("CubicCentimeter", 1e-6),
    ("CubicDecameter", 1e3),
    ("CubicDecimeter", 1e-3),
    ("CubicFoot", CUBIC_FOOT),
    ("CubicHectometer", 1e6),
    ("CubicInch", CUBIC_INCH),
    ("CubicKilometer", 1e9),
    ("CubicMicrometer", 1e-18),
    ("CubicMile", MILE * MILE * MILE),
    ("CubicMillimeter", 1e-9),
    ("CubicYard", CUBIC_FOOT * 27.0),
    ("Decaliter", LITER * 10.0),
    ("DecausGallon", US_GALLON * 10.0),
    ("Deciliter", LITER * 1e-1),
    ("DeciusGallon", US_GALLON * 1e-1),
    ("HectocubicFoot", CUBIC_FOOT * 1e2),
    ("HectocubicMeter", 1e2),
    ("Hectoliter", LITER * 1e2),
    ("HectousGallon", US_GALLON * 1e2),
    ("ImperialBeerBarrel", IMPERIAL_GALLON * 36.0),
    ("ImperialGallon", IMPERIAL_GALLON),
    ("ImperialOunce", IMPERIAL_GALLON / 160.0),
    ("ImperialPint", IMPERIAL_GALLON / 8.0),
    ("KilocubicFoot", CUBIC_FOOT * 1e3),
    ("KilocubicMeter", 1e3),
    ("KiloimperialGallon", IMPERIAL_GALLON * 1e3),
    ("Kiloliter", LITER * 1e3),
    ("KilousGallon", US_GALLON * 1e3),
    ("Liter", LITER),
    ("MegacubicFoot", CUBIC_FOOT * 1e6),
    ("MegaimperialGallon", IMPERIAL_GALLON * 1e6),
    ("Megaliter", LITER * 1e6),
    ("MegausGallon", US_GALLON * 1e6),
    ("MetricCup", 2.5e-4),
    ("MetricTeaspoon", 5e-6),
    ("Microliter", LITER * 1e-6),
    ("Milliliter", LITER * 1e-3),
    ("OilBarrel", US_GALLON * 42.0),
    ("UkTablespoon", 1.5e-5),
    ("UsBeerBarrel", US_GALLON * 31.0),
    ("UsCustomaryCup", US_GALLON / 16.0),
    ("UsGallon", US_GALLON),
    ("UsLegalCup", 2.4e-4),
    ("UsOunce", US_GALLON / 128.0),
    ("UsPint", US_GALLON / 8.0),
    ("UsQuart", US_GALLON / 4.0),
    ("UsTablespoon", US_GALLON / 256.0),
    ("UsTeaspoon", US_GALLON / 768.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_conversions() {
        for (quantity, value, from, to, wanted) in [
            (Quantity::Angle, 180.0, "Degree", "Radian", PI),
            (Quantity::Angle, 30.0, "Degree", "Tilt", 0.5),
            (Quantity::Energy, 1.0, "KilowattHour", "Kilojoule", 3600.0),
            (Quantity::Force, 1.0, "Kilonewton", "Newton", 1000.0),
            (Quantity::Length, 1.0, "Mile", "Foot", 5280.0),
            (Quantity::Mass, 1.0, "Stone", "Pound", 14.0),
            (Quantity::Speed, 36.0, "KilometerPerHour", "MeterPerSecond", 10.0),
            (Quantity::Temperature, 100.0, "DegreeCelsius", "DegreeFahrenheit", 212.0),
            (Quantity::Temperature, 0.0, "DegreeCelsius", "DegreeDelisle", 150.0),
            (Quantity::Temperature, 0.0, "degreecelsius", "Kelvin", 273.15),
            (Quantity::Temperature, 100.0, "DegreeCelsius", "DegreeRoemer", 60.0),
            (Quantity::Temperature, 100.0, "DegreeCelsius", "DegreeNewton", 33.0),
            (Quantity::Volume, 1.0, "UsGallon", "CubicInch", 231.0),
            (Quantity::Volume, 1.0, "ImperialGallon", "ImperialPint", 8.0),
        ] {
            let got = convert(quantity, value, from, to).unwrap();
            assert!((got - wanted).abs() <= 1e-9 * wanted.abs(), "{value} {from} = {got} {to}");
        }
    }

    #[test]
    fn units_of_another_quantity_do_not_convert() {
        assert_eq!(convert(Quantity::Length, 1.0, "Meter", "Kilogram"), None);
        assert_eq!(convert(Quantity::Temperature, 1.0, "Meter", "Meter"), None);
        assert_eq!(convert(Quantity::Temperature, 1.0, "Kelvin", "Kelvin"), Some(1.0));
    }
}
