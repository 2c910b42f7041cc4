//! Durations as people write them: `"5m"`, `"500ms"`, `"1h30m"`.

/// The units from the largest to the smallest, with their length in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// What is wrong with a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// It is not numbers with units, from the largest unit to the smallest.
    Form,
    /// It is no time at all.
    Zero,
    /// Its milliseconds do not fit into 64 bits.
    TooLong,
}

impl Mistake {
    /// Tells the user what is wrong with `text` and what to write.
    pub(crate) fn message(self, text: &str) -> String {
        match self {
            Self::Form => format!(
                "`{text}` is not a duration: write whole numbers with the units d, h, m, s, ms, \
                 such as \"30s\", \"5m\" or \"1h30m\""
            ),
            Self::Zero => format!(
                "`{text}` is no time at all: the value would be gone as soon as it is written"
            ),
            Self::TooLong => {
                format!("`{text}` is too long: leave `ttl` out for a value that stays")
            }
        }
    }
}

/// Reads a duration as milliseconds.
pub(crate) fn parse(text: &str) -> Result<u64, Mistake> {
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after_number) = split_where(rest, |c| !c.is_ascii_digit());
        let (unit, after_unit) = split_where(after_number, |c| c.is_ascii_digit());
        // Each unit is looked for after the one before it, so "30m1h" and "5m5m" find none.
        let (_, length) = units.find(|(name, _)| *name == unit).ok_or(Mistake::Form)?;
        if number.is_empty() {
            return Err(Mistake::Form);
        }
        // Digits alone: it can only fail by being too large.
        let number: u64 = number.parse().map_err(|_| Mistake::TooLong)?;
        let part = number.checked_mul(*length).ok_or(Mistake::TooLong)?;
        total = total.checked_add(part).ok_or(Mistake::TooLong)?;
        rest = after_unit;
    }
    match total {
        0 if text.is_empty() => Err(Mistake::Form),
        0 => Err(Mistake::Zero),
        total => Ok(total),
    }
}

/// Splits before the first character that `is_end`.
fn split_where(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::{Mistake, parse};

    #[test]
    fn units_and_combinations_are_read() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("7d", 604_800_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("1m1ms", 60_001),
            ("0h1s", 1_000),
            ("007s", 7_000),
            ("18446744073709551615ms", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(millis), "{text:?}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            " ",
            "5",
            "m",
            "5 m",
            " 5m",
            "5m ",
            "-5m",
            "+5m",
            "1.5h",
            "5min",
            "5M",
            "5ms5",
            "30m1h",
            "5m5m",
            "ms5",
            "5µs",
            "٥m",
            "5m,3s",
            "1w",
            "5\0m",
            "five minutes",
        ] {
            assert_eq!(parse(text), Err(Mistake::Form), "{text:?}");
        }
    }

    #[test]
    fn no_time_at_all_is_refused() {
        for text in ["0s", "0h0m", "000ms"] {
            assert_eq!(parse(text), Err(Mistake::Zero), "{text:?}");
        }
    }

    #[test]
    fn more_than_64_bits_of_milliseconds_are_refused() {
        for text in [
            "18446744073709551616ms",
            "18446744073709551615s",
            "213503982334d15h",
            "99999999999999999999999d",
        ] {
            assert_eq!(parse(text), Err(Mistake::TooLong), "{text:?}");
        }
    }
}
