//! Bytes as people write and read them, and whole numbers as files do.

/// The number that `digits` spell in decimal: nothing but digits, so no sign
/// either. `None` for anything else, or beyond 2^64 - 1.
pub fn whole_number(digits: &str) -> Option<u64> {
    unsigned(digits, 10)
}

/// As [`whole_number`], in hexadecimal, without `0x`.
pub fn hexadecimal(digits: &str) -> Option<u64> {
    unsigned(digits, 16)
}

fn unsigned(digits: &str, radix: u32) -> Option<u64> {
    // The standard library takes a plus sign.
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// The whole number that a decimal such as `64.0`, `1.5e3` or `1E+6` is exactly, with
/// no sign before it. `None` where it is none, or beyond 2^64 - 1.
pub fn exact_integer(text: &str) -> Option<u64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut bytes = whole.bytes().chain(fraction.bytes());
    if whole.is_empty() || !bytes.all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.trim_start_matches('0').is_empty() {
        return Some(0);
    }
    // What stands behind the significant digits, in zeros.
    let zeros = i64::try_from(whole.len()).ok()? - i64::try_from(significant.len()).ok()?;
    let zeros = u32::try_from(zeros + i64::from(exponent)).ok()?;
    whole_number(significant)?.checked_mul(10u64.checked_pow(zeros)?)
}

/// Bytes with a binary unit and three digits or so: `1.43 GiB`; below 1 KiB,
/// and where `exact` matters, see the number itself.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if value < 10.0 {
        2
    } else {
        usize::from(value < 100.0)
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// Reads a number of bytes with an optional unit: `4096`, `64KiB`, `1MiB`,
/// `2GB` (decimal), `0x1000`. Units go up to the exbibyte, in any case.
///
/// # Errors
/// One line that says what was expected.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let bad = || format!("{text:?} is not a number of bytes such as 4096, 64KiB or 1MiB");
    if let Some(hex) = text.strip_prefix("0x") {
        return hexadecimal(hex).ok_or_else(bad);
    }
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let value = whole_number(digits).ok_or_else(bad)?;
    let unit = unit.trim().to_ascii_lowercase();
    let (base, power) = match unit.as_str() {
        "" | "b" => (1u64, 0),
        "k" | "ki" | "kib" => (1024, 1),
        "m" | "mi" | "mib" => (1024, 2),
        "g" | "gi" | "gib" => (1024, 3),
        "t" | "ti" | "tib" => (1024, 4),
        "p" | "pi" | "pib" => (1024, 5),
        "e" | "ei" | "eib" => (1024, 6),
        "kb" => (1000, 1),
        "mb" => (1000, 2),
        "gb" => (1000, 3),
        "tb" => (1000, 4),
        _ => return Err(bad()),
    };
    base.checked_pow(power)
        .and_then(|unit| value.checked_mul(unit))
        .filter(|&bytes| bytes <= crate::job::MAX_VALUE)
        .ok_or_else(|| format!("{text:?} is beyond 2^63 - 1 bytes"))
}
