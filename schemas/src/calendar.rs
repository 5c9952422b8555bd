//! Days of the Gregorian calendar, counted from 1970. Years begin in March here, so that leap days come last.

/// The number of the day `year`-`month`-`day`.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 719_469
}

/// The number of a day that is written `2026-11-22`. `None` for other text, and for days that there are not.
pub(crate) fn day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) =
        (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let number = day_number(year, month, day);
    (date(number) == (year, month, day)).then_some(number)
}

/// The seconds since midnight of a time that is written `12:34:56`. No leap seconds, as with the peers.
pub(crate) fn second_of_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = digits(parts.next()?, 2)?;
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// The number that so many digits write.
pub(crate) fn digits(text: &str, count: usize) -> Option<i64> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Year, month and day of the day with that number.
pub(crate) fn date(day_number: i64) -> (i64, i64, i64) {
    let days = day_number + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_and_times_that_there_are_can_be_read() {
        assert_eq!(day("2024-02-29"), Some(19_782));
        for text in ["2023-02-29", "2024-13-01", "2024-00-01", "2024-1-1", "+024-01-01", "", "2024-01"] {
            assert_eq!(day(text), None, "{text}");
        }
        assert_eq!(day("00000008914143662319153436-01-01"), None, "no year of 20 digits");
        assert_eq!(second_of_day("23:59:59"), Some(86_399));
        for text in ["24:00:00", "23:60:00", "23:59:60", "1:00:00", "01:00", "01:00:+1"] {
            assert_eq!(second_of_day(text), None, "{text}");
        }
    }

    #[test]
    fn days_become_dates_and_dates_days() {
        let known = [
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (20_780, (2026, 11, 23)),
            (365, (1971, 1, 1)),
            (-1, (1969, 12, 31)),
        ];
        for (number, expected) in known {
            assert_eq!(date(number), expected, "{number}");
        }
        for number in (-800_000..800_000).step_by(13) {
            let (year, month, day) = date(number);
            assert_eq!(day_number(year, month, day), number, "{year}-{month}-{day}");
        }
    }
}
