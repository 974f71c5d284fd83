//! Numbers as people read them: the same on every machine, whatever its locale.

use crate::model::Moment;

/// A count with thousands separators: `110,000`.
pub(super) fn count(value: u64) -> String {
    separated(&value.to_string())
}

fn separated(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A length of time given in milliseconds, in seconds: `0.24 s`, `5.17 s`, `12.1 s`, `1,803 s`.
pub(super) fn seconds(ms: u64) -> String {
    format!("{} s", bare_seconds(ms))
}

/// The number of [`seconds`] without its unit.
pub(super) fn bare_seconds(ms: u64) -> String {
    match ms {
        0..9_995 => format!("{:.2}", ms as f64 / 1e3),
        9_995..99_950 => format!("{:.1}", ms as f64 / 1e3),
        _ => count(ms.saturating_add(500) / 1_000),
    }
}

/// How long a fault that was undone lasted: ` for 12.0 s`; nothing for one that ended a process.
pub(super) fn lasting(ms: Option<u64>) -> String {
    ms.map_or(String::new(), |ms| format!(" for {}", seconds(ms)))
}

/// The length of a whole run given in milliseconds: `8.4 s`, `62 s`, `30 min 12 s`.
pub(super) fn long(ms: u64) -> String {
    let whole = ms.saturating_add(500) / 1_000;
    match whole {
        0..10 => format!("{:.1} s", ms as f64 / 1e3),
        10..120 => format!("{whole} s"),
        120..7_200 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", count(whole / 3_600), whole % 3_600 / 60),
    }
}

/// A point of the run's time: `14.03 s`.
pub(super) fn moment(at: Moment) -> String {
    let hundredths = at.as_us().saturating_add(5_000) / 10_000;
    format!("{}.{:02} s", count(hundredths / 100), hundredths % 100)
}

/// A share as a percentage: `44 %`, `0.4 %`, `0 %`, `> 999 %`.
pub(super) fn percent(share: f64) -> String {
    let value = share * 100.0;
    if !value.is_finite() || value > 999.0 {
        "> 999 %".to_owned()
    } else if value <= 0.0 {
        "0 %".to_owned()
    } else if value < 0.1 {
        "< 0.1 %".to_owned()
    } else if value < 9.95 {
        format!("{} %", trimmed(value, 1))
    } else {
        format!("{value:.0} %")
    }
}

/// A time in milliseconds with its fraction: `0.8 ms`, `38 ms`, `1,204 ms`.
pub(super) fn milliseconds(ms: f64) -> String {
    if !ms.is_finite() || ms < 0.0 {
        "not known".to_owned()
    } else if ms < 9.95 {
        format!("{ms:.1} ms")
    } else {
        format!("{} ms", separated(&format!("{ms:.0}")))
    }
}

/// A value of a chart's axis: `250`, `5,000`, `1.2 M`.
pub(super) fn axis(value: f64) -> String {
    if !value.is_finite() || value < 0.0 {
        "0".to_owned()
    } else if value >= 1e6 {
        format!("{} M", trimmed(value / 1e6, 1))
    } else if value >= 10.0 || value == value.round() {
        separated(&format!("{value:.0}"))
    } else {
        trimmed(value, 1)
    }
}

/// Memory in binary units: `15.6 GiB`, `512 MiB`.
pub(super) fn memory(bytes: u64) -> String {
    const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
    let gib = bytes as f64 / GIB;
    if gib >= 1.0 {
        format!("{gib:.1} GiB")
    } else {
        format!("{} MiB", bytes / (1024 * 1024))
    }
}

/// A range of sequence numbers: `4,731–4,733`, or one number where both ends are the same.
pub(super) fn range(first: u64, last: u64) -> String {
    if first == last {
        count(first)
    } else {
        format!("{}–{}", count(first), count(last))
    }
}

/// `1 fault`, `2 faults`.
pub(super) fn plural(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn thousands_are_separated_by_commas() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (110_863, "110,863"),
            (1_000_000, "1,000,000"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ];
        for (value, text) in cases {
            assert_eq!(count(value), text);
        }
    }

    #[test]
    fn seconds_keep_three_digits_that_mean_something() {
        let cases = [
            (0, "0.00 s"),
            (240, "0.24 s"),
            (5_170, "5.17 s"),
            (9_994, "9.99 s"),
            (9_995, "10.0 s"),
            (12_100, "12.1 s"),
            (99_949, "99.9 s"),
            (99_950, "100 s"),
            (1_803_400, "1,803 s"),
        ];
        for (ms, text) in cases {
            assert_eq!(seconds(ms), text, "{ms} ms");
        }
    }

    #[test]
    fn a_long_run_is_told_in_minutes() {
        let cases = [
            (8_440, "8.4 s"),
            (62_000, "62 s"),
            (119_499, "119 s"),
            (119_500, "2 min 00 s"),
            (1_812_000, "30 min 12 s"),
            (7_500_000, "2 h 05 min"),
        ];
        for (ms, text) in cases {
            assert_eq!(long(ms), text, "{ms} ms");
        }
    }

    #[test]
    fn a_share_is_never_rounded_to_nothing() {
        let cases = [
            (0.0, "0 %"),
            (0.000_01, "< 0.1 %"),
            (0.004, "0.4 %"),
            (0.02, "2 %"),
            (0.442, "44 %"),
            (1.2, "120 %"),
            (f64::INFINITY, "> 999 %"),
            (f64::NAN, "> 999 %"),
        ];
        for (share, text) in cases {
            assert_eq!(percent(share), text, "{share}");
        }
    }

    #[test]
    fn axes_latencies_and_memory_have_short_numbers() {
        assert_eq!(axis(5_000.0), "5,000");
        assert_eq!(axis(1_250_000.0), "1.2 M");
        assert_eq!(axis(2.5), "2.5");
        assert_eq!(axis(f64::NAN), "0");
        assert_eq!(milliseconds(0.84), "0.8 ms");
        assert_eq!(milliseconds(1_203.6), "1,204 ms");
        assert_eq!(memory(16_750_000_000), "15.6 GiB");
        assert_eq!(memory(512 * 1024 * 1024), "512 MiB");
        assert_eq!(moment(Moment(14_034_999)), "14.03 s");
        assert_eq!(moment(Moment(1_814_035_000)), "1,814.04 s");
        assert_eq!(range(4_731, 4_733), "4,731–4,733");
        assert_eq!(range(7, 7), "7");
        assert_eq!(plural(1, "fault", "faults"), "1 fault");
    }

    proptest! {
        #[test]
        fn a_count_without_its_commas_is_the_number(value: u64) {
            prop_assert_eq!(count(value).replace(',', "").parse::<u64>(), Ok(value));
        }
    }
}
