//! Days of the Gregorian calendar, counted from 1970. Years begin in March here, so that leap days come last.

/// The number of the day `year`-`month`-`day`.
pub(crate) fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 719_469
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
