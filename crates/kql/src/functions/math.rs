//! Numbers.

use super::{Function, Naming};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "bin",
        &[
            "(value: number, size: number): widest",
            "(value: timespan, size: timespan): timespan",
            "(value: datetime, size: timespan): datetime",
            "(value: number): widest",
            "(value: datetime, size: any): datetime",
        ],
        "rounds down to a multiple of a size",
        "print bin(datetime(2024-05-01 10:32), 5m)",
    )
    .alias(&["floor"])
    .named(Naming::FirstArgument),
    Function::new(
        "bin_at",
        &[
            "(value: number, bin_size: number, fixed_point: number): widest",
            "(value: timespan, bin_size: number, fixed_point: timespan): timespan",
            "(value: timespan, bin_size: timespan, fixed_point: timespan): timespan",
            "(value: datetime, bin_size: summable, fixed_point: datetime): datetime",
        ],
        "rounds down to bins that include a fixed point",
        "print bin_at(6.5, 2.5, 7)",
    )
    .named(Naming::FirstArgument),
    Function::new(
        "bin_auto",
        &["(value: summable): same"],
        "rounds down to bins that the options `query_bin_auto_size` and `query_bin_auto_at` give",
        "set query_bin_auto_size = 5; print bin_auto(7)",
    )
    .named(Naming::FirstArgument),
    Function::new(
        "round",
        &["(number: number, precision?: long): same"],
        "rounds to some decimals",
        "print round(2.567, 1)",
    )
    .named(Naming::FirstArgument),
    Function::new("ceiling", &["(number: number): same"], "rounds up", "print ceiling(1.2)")
        .named(Naming::FirstArgument),
    Function::new("pow", &["(base: number, exponent: number): real"], "a power", "print pow(2, 3)")
        .named(Naming::FirstArgument),
    Function::new("sqrt", &["(number: number): real"], "the square root", "print sqrt(9)")
        .named(Naming::FirstArgument),
    Function::new("log", &["(number: number): real"], "the natural logarithm", "print log(2.718281828)")
        .named(Naming::FirstArgument),
    Function::new("log2", &["(number: number): real"], "the logarithm to base 2", "print log2(8)")
        .named(Naming::FirstArgument),
    Function::new("log10", &["(number: number): real"], "the logarithm to base 10", "print log10(100)")
        .named(Naming::FirstArgument),
    Function::new("exp", &["(number: number): real"], "e to a power", "print exp(1)")
        .named(Naming::FirstArgument),
    Function::new("exp2", &["(number: number): real"], "2 to a power", "print exp2(3)")
        .named(Naming::FirstArgument),
    Function::new("exp10", &["(number: number): real"], "10 to a power", "print exp10(2)")
        .named(Naming::FirstArgument),
    Function::new("pi", &["(): real"], "the number pi", "print pi()"),
    Function::new("cos", &["(number: number): real"], "the cosine", "print cos(0)")
        .named(Naming::FirstArgument),
    Function::new("sin", &["(number: number): real"], "the sine", "print sin(0)")
        .named(Naming::FirstArgument),
    Function::new("tan", &["(number: number): real"], "the tangent", "print tan(0)")
        .named(Naming::FirstArgument),
    Function::new("acos", &["(number: number): real"], "the angle of a cosine", "print acos(1)")
        .named(Naming::FirstArgument),
    Function::new("asin", &["(number: number): real"], "the angle of a sine", "print asin(0)")
        .named(Naming::FirstArgument),
    Function::new("atan", &["(number: number): real"], "the angle of a tangent", "print atan(0)")
        .named(Naming::FirstArgument),
    Function::new("atan2", &["(y: number, x: number): real"], "the angle of a point", "print atan2(1, 1)")
        .named(Naming::FirstArgument),
    Function::new(
        "abs",
        &["(number: integer): long", "(number: number): same", "(number: timespan): timespan"],
        "without its sign",
        "print abs(-5)",
    )
    .named(Naming::FirstArgument),
    Function::new("cot", &["(number: number): real"], "the cotangent", "print cot(1)"),
    Function::new("degrees", &["(radians: number): real"], "an angle in degrees", "print degrees(pi())"),
    Function::new("radians", &["(degrees: number): real"], "an angle in radians", "print radians(180)"),
    Function::new("sign", &["(number: number): real"], "-1, 0 or 1", "print sign(-3.5)"),
    Function::new(
        "rand",
        &["(number?: integer): real"],
        "a random number from 0 to 1, or a whole one below a bound",
        "print rand() < 1",
    )
    .named(Naming::FirstArgument),
    Function::new(
        "beta_cdf",
        &["(x: number, alpha: number, beta: number): real"],
        "the beta distribution",
        "print beta_cdf(0.2, 10.0, 50.0)",
    ),
    Function::new(
        "beta_inv",
        &["(probability: number, alpha: number, beta: number): real"],
        "the inverse of the beta distribution",
        "print beta_inv(0.1, 10.0, 50.0)",
    ),
    Function::new(
        "beta_pdf",
        &["(x: number, alpha: number, beta: number): real"],
        "the density of the beta distribution",
        "print beta_pdf(0.5, 10.0, 50.0)",
    ),
    Function::new("gamma", &["(number: number): real"], "the gamma function", "print gamma(5)")
        .named(Naming::FirstArgument),
    Function::new(
        "loggamma",
        &["(number: number): real"],
        "the logarithm of the gamma function",
        "print loggamma(5)",
    )
    .named(Naming::FirstArgument),
    Function::new("erf", &["(number: number): real"], "the error function", "print erf(0.5)")
        .named(Naming::FirstArgument),
    Function::new("erfc", &["(number: number): real"], "one minus the error function", "print erfc(0.5)")
        .named(Naming::FirstArgument),
    Function::new("isnan", &["(number: real): bool"], "whether a number is NaN", "print isnan(real(nan))"),
    Function::new(
        "isinf",
        &["(number: real): bool"],
        "whether a number is infinite",
        "print isinf(real(+inf))",
    ),
    Function::new(
        "isfinite",
        &["(number: real): bool"],
        "whether a number is neither NaN nor infinite",
        "print isfinite(1.0)",
    ),
    Function::new(
        "welch_test",
        &[
            "(mean1: number, variance1: number, count1: number, mean2: number, variance2: number, count2: number): real",
        ],
        "the p-value of Welch's test",
        "print welch_test(1.0, 0.5, 10, 1.2, 0.4, 12)",
    ),
    Function::new(
        "convert_angle",
        &["(value: real, from: string, to: string): real"],
        "a measure of angle in another unit",
        r#"print convert_angle(1.0, "Degree", "Radian")"#,
    ),
    Function::new(
        "convert_energy",
        &["(value: real, from: string, to: string): real"],
        "a measure of energy in another unit",
        r#"print convert_energy(1.0, "Joule", "Calorie")"#,
    ),
    Function::new(
        "convert_force",
        &["(value: real, from: string, to: string): real"],
        "a measure of force in another unit",
        r#"print convert_force(1.0, "Newton", "Dyn")"#,
    ),
    Function::new(
        "convert_length",
        &["(value: real, from: string, to: string): real"],
        "a measure of length in another unit",
        r#"print convert_length(1.0, "Meter", "Foot")"#,
    ),
    Function::new(
        "convert_mass",
        &["(value: real, from: string, to: string): real"],
        "a measure of mass in another unit",
        r#"print convert_mass(1.0, "Kilogram", "Pound")"#,
    ),
    Function::new(
        "convert_speed",
        &["(value: real, from: string, to: string): real"],
        "a measure of speed in another unit",
        r#"print convert_speed(1.0, "Knot", "MeterPerSecond")"#,
    ),
    Function::new(
        "convert_temperature",
        &["(value: real, from: string, to: string): real"],
        "a measure of temperature in another unit",
        r#"print convert_temperature(1.0, "Kelvin", "DegreeCelsius")"#,
    ),
    Function::new(
        "convert_volume",
        &["(value: real, from: string, to: string): real"],
        "a measure of volume in another unit",
        r#"print convert_volume(1.0, "Liter", "CubicMeter")"#,
    ),
];
