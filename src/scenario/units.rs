//! The small languages inside a scenario's values: durations, rates, sizes, windows and JSON pointers.

const LONGEST_MS: u64 = 30 * 24 * 3_600_000;

/// A duration such as `2s`, `500ms` or `1m 30s`, in milliseconds.
pub(super) fn duration(text: &str) -> Result<u64, String> {
    if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        return Err(format!("write the unit too, such as `{text}s`"));
    }
    let wrong = || "write a number and its unit, such as `2s`, `500ms` or `1m 30s`".to_owned();
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let (unit_ms, behind) = unit(&rest[digits..]).ok_or_else(wrong)?;
        total = total.saturating_add(number.saturating_mul(unit_ms));
        rest = behind.strip_prefix(' ').unwrap_or(behind);
        if rest.is_empty() && behind.ends_with(' ') {
            return Err(wrong());
        }
    }
    match total {
        _ if text.is_empty() => Err(wrong()),
        LONGEST_MS.. => Err("write less than 30 days (`720h`)".to_owned()),
        _ => Ok(total),
    }
}

fn unit(text: &str) -> Option<(u64, &str)> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    units
        .iter()
        .find_map(|(unit, ms)| Some((*ms, text.strip_prefix(unit)?)))
}

/// A duration with how far it may be moved either way, such as `15s ± 3s`, both in milliseconds.
pub(super) fn jittered(text: &str) -> Result<(u64, u64), String> {
    let parts = ["±", "+-", "+/-"]
        .iter()
        .find_map(|sign| text.split_once(sign));
    match parts {
        None => duration(text).map(|every| (every, 0)),
        Some((every, jitter)) => Ok((duration(every.trim())?, duration(jitter.trim())?)),
    }
}

/// A stretch of time such as `10s..60s`, both ends in milliseconds; whether it ends before it begins is not asked here.
pub(super) fn stretch(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text
        .split_once("..")
        .ok_or("write its beginning and its end, such as `10s..60s`")?;
    Ok((duration(from.trim())?, duration(to.trim())?))
}

/// A rate such as `2000/s`, `2,000/s` or `10k/s`, in records per second.
pub(super) fn rate(text: &str) -> Result<u64, String> {
    let wrong = || "write records per second, such as `2000/s`".to_owned();
    let number = text.strip_suffix("/s").ok_or_else(wrong)?;
    let (number, factor) = match number.strip_suffix('k') {
        Some(thousands) => (thousands, 1_000),
        None => (number, 1),
    };
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(wrong());
    }
    let digits: String = number.chars().filter(|c| !matches!(c, ',' | '_')).collect();
    let rate: u64 = digits.parse().map_err(|_| wrong())?;
    rate.checked_mul(factor).ok_or_else(wrong)
}

/// A size such as `200`, `200B` or `1KiB`, in bytes.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let wrong = || "write bytes, such as `200`, or a size such as `1KiB`".to_owned();
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("B", 1)];
    let (number, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1));
    let number = number.strip_suffix(' ').unwrap_or(number);
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: usize = number.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).ok_or_else(wrong)
}

/// A share such as `10 %` or `0.5 %`, in millionths.
pub(super) fn share(text: &str) -> Result<u32, String> {
    let wrong = || "write a share of all records, such as `10 %` or `0.5 %`".to_owned();
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    let number = number.strip_suffix(' ').unwrap_or(number);
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let fine = |digits: &str, most: usize| {
        (1..=most).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    };
    if !fine(whole, 3) || !fine(part, 4) {
        return Err(wrong());
    }
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let part: u32 = format!("{part:0<4}").parse().map_err(|_| wrong())?;
    match whole * 10_000 + part {
        share @ 0..=1_000_000 => Ok(share),
        _ => Err("write at most `100 %`".to_owned()),
    }
}

/// A JSON pointer (RFC 6901): empty for the whole, or `/` before each step.
pub(super) fn pointer(text: &str) -> Result<String, String> {
    let escapes_hold = text
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    if (text.is_empty() || text.starts_with('/')) && escapes_hold {
        Ok(text.to_owned())
    } else {
        Err("write a JSON pointer, such as `/id`, or `\"\"` for the whole".to_owned())
    }
}

/// A Maven coordinate `group:artifact:version`.
pub(super) fn maven(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let part_is_fine = |part: &&str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        !part.is_empty() && part.chars().all(allowed)
    };
    if parts.len() == 3 && parts.iter().all(part_is_fine) {
        Ok(text.to_owned())
    } else {
        Err("write `group:artifact:version`".to_owned())
    }
}

/// A duration in the shortest words that lose nothing, such as `1m 30s`; can be read back.
pub(crate) fn duration_text(ms: u64) -> String {
    let parts = [
        (ms / 3_600_000, "h"),
        (ms / 60_000 % 60, "m"),
        (ms / 1_000 % 60, "s"),
        (ms % 1_000, "ms"),
    ];
    let words: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    if words.is_empty() {
        "0s".to_owned()
    } else {
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("2s"), Ok(2_000));
        assert_eq!(duration("500ms"), Ok(500));
        assert_eq!(duration("1m 30s"), Ok(90_000));
        assert_eq!(duration("1h30m"), Ok(5_400_000));
        assert_eq!(
            duration("2"),
            Err("write the unit too, such as `2s`".into())
        );
        for bad in ["", "s", "2 s", "2s ", "-2s", "2x", "2s  3s", "720h", "1.5s"] {
            assert!(duration(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(duration(&"9".repeat(40)).is_err());
        assert!(duration(&format!("{}h", u64::MAX)).is_err());
    }

    #[test]
    fn a_jitter_may_be_written_with_any_keyboard() {
        for text in ["15s ± 3s", "15s±3s", "15s +- 3s", "15s +/- 3s"] {
            assert_eq!(jittered(text), Ok((15_000, 3_000)), "{text:?}");
        }
        assert_eq!(jittered("15s"), Ok((15_000, 0)));
        assert!(jittered("15s ± 3").is_err());
    }

    #[test]
    fn rates_and_sizes_are_read_as_people_write_them() {
        for text in ["2000/s", "2,000/s", "2_000/s", "2k/s"] {
            assert_eq!(rate(text), Ok(2_000), "{text:?}");
        }
        for bad in [
            "2000",
            "/s",
            "k/s",
            "-1/s",
            "2000/m",
            ",/s",
            "99999999999999999999/s",
        ] {
            assert!(rate(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(size("200"), Ok(200));
        assert_eq!(size("200B"), Ok(200));
        assert_eq!(size("1 KiB"), Ok(1_024));
        for bad in ["", "B", "-1", "1kB", "1.5KiB", "99999999999999999999"] {
            assert!(size(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn shares_are_read_as_people_write_them() {
        for (text, millionths) in [
            ("10 %", 100_000),
            ("10%", 100_000),
            ("0.5 %", 5_000),
            ("0.0001 %", 1),
            ("100 %", 1_000_000),
            ("0 %", 0),
        ] {
            assert_eq!(share(text), Ok(millionths), "{text:?}");
        }
        for bad in [
            "10",
            "%",
            " %",
            "-1 %",
            "1. %",
            ".5 %",
            "10  %",
            "101 %",
            "1.00001 %",
            "1e2 %",
        ] {
            assert!(share(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn pointers_and_coordinates_are_checked() {
        assert!(pointer("").is_ok() && pointer("/a/~0b~1c").is_ok());
        assert!(pointer("a").is_err() && pointer("/a~2").is_err() && pointer("/~").is_err());
        assert!(maven("org.apache.kafka:connect-file:4.1.1").is_ok());
        assert!(maven("a:b").is_err() && maven("a::c").is_err() && maven("a/b:c:d").is_err());
    }

    proptest! {
        #[test]
        fn a_printed_duration_reads_back_as_itself(ms in 0..LONGEST_MS) {
            prop_assert_eq!(duration(&duration_text(ms)), Ok(ms));
        }
    }
}
