//! The scale of a chart: round numbers from the lowest to the highest value, zero among them. In whole millionths, since
//! sums of money are exact and larger than a float holds.

/// One unit of what is counted or paid.
pub const UNIT: i128 = 1_000_000;

/// Steps between two marks at most: four numbers are as many as a chart of a phone's width has room for.
const STEPS: i128 = 3;

/// Round numbers in equal steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// From the lowest to the highest, in millionths.
    pub marks: Vec<i128>,
}

impl Scale {
    /// The finest scale of steps of 1, 2 or 5 times a power of ten, none smaller than `least`, that holds all values. Of
    /// zeros alone it is the zero.
    pub fn of(values: impl Iterator<Item = i128> + Clone, least: i128) -> Self {
        let highest = values.clone().max().unwrap_or(0).max(0);
        let lowest = values.min().unwrap_or(0).min(0);
        let (mut base, mut factors) = (least.max(1), [1, 2, 5].into_iter().cycle());
        let mut step = base;
        while up(highest, step) + up(-lowest, step) > STEPS {
            let factor = factors.next().unwrap_or(1);
            if factor == 1 && step != base {
                base *= 10;
            }
            step = base * factor;
        }
        let marks = (-up(-lowest, step)..=up(highest, step)).map(|at| at * step).collect();
        Self { marks }
    }

    /// How far a value lies below the highest mark, of a height.
    pub fn below_top(&self, value: i128, height: i64) -> i64 {
        let top = self.marks.last().copied().unwrap_or_default();
        let range = top - self.marks.first().copied().unwrap_or_default();
        // Where there is nothing but zero, it lies at the foot.
        if range == 0 { height } else { part(i128::from(height), top - value, range) }
    }
}

/// How many steps reach as far as an amount that is not negative.
fn up(amount: i128, step: i128) -> i128 {
    (amount + step - 1) / step
}

fn part(height: i128, value: i128, range: i128) -> i64 {
    i64::try_from((2 * height * value + range) / (2 * range)).unwrap_or_default()
}

/// A round number of millionths as a scale has it: `0.05`, `250`, `1.2k`, `25M`.
pub fn short(micros: i128) -> String {
    const SUFFIXES: [(i128, &str); 4] =
        [(UNIT * 1_000_000_000, "B"), (UNIT * 1_000_000, "M"), (UNIT * 1_000, "k"), (UNIT, "")];
    let size = micros.abs();
    let (unit, suffix) = SUFFIXES.into_iter().find(|(unit, _)| size >= *unit).unwrap_or((UNIT, ""));
    let mut fraction = String::new();
    let mut rest = size % unit;
    while rest > 0 {
        rest *= 10;
        fraction.push_str(&(rest / unit).to_string());
        rest %= unit;
    }
    let sign = if micros < 0 { "\u{2212}" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}{suffix}", size / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(values: &[i128], least: i128) -> Vec<String> {
        let scale = Scale::of(values.iter().copied(), least);
        scale.marks.into_iter().map(short).collect()
    }

    #[test]
    fn marks_are_few_and_round_and_hold_every_value() {
        let minus = |text: &str| format!("\u{2212}{text}");
        for (values, least, expected) in [
            (vec![0, 0], UNIT, vec!["0".to_owned()]),
            (vec![UNIT], UNIT, ["0", "1"].map(str::to_owned).to_vec()),
            (vec![3 * UNIT], UNIT, ["0", "1", "2", "3"].map(str::to_owned).to_vec()),
            (vec![7 * UNIT, 2], UNIT, ["0", "5", "10"].map(str::to_owned).to_vec()),
            (vec![1234 * UNIT], UNIT, ["0", "500", "1k", "1.5k"].map(str::to_owned).to_vec()),
            (vec![45_000], 1, ["0", "0.02", "0.04", "0.06"].map(str::to_owned).to_vec()),
            (vec![1], 1, ["0", "0.000001"].map(str::to_owned).to_vec()),
            (vec![25_000_000 * UNIT], 1, ["0", "10M", "20M", "30M"].map(str::to_owned).to_vec()),
            (vec![-7 * UNIT], UNIT, vec![minus("10"), minus("5"), "0".to_owned()]),
            (
                vec![100 * UNIT, -5 * UNIT],
                UNIT,
                [minus("50"), "0".to_owned(), "50".to_owned(), "100".to_owned()].to_vec(),
            ),
        ] {
            assert_eq!(marks(&values, least), expected, "{values:?}");
        }
    }

    #[test]
    fn whatever_comes_has_at_most_four_marks_and_lies_between_them() {
        for power in 0..28 {
            for digit in 1..100 {
                let value = digit * 10_i128.pow(power);
                for values in [[value, 0], [-value, 0], [value, -value / 3], [value / 7, -value]] {
                    let scale = Scale::of(values.into_iter(), 1);
                    assert!(scale.marks.len() <= 4 && scale.marks.contains(&0), "{values:?}");
                    for value in values {
                        assert!((0..=100).contains(&scale.below_top(value, 100)), "{values:?}");
                    }
                    let used = scale.marks.len() as i128 - 1;
                    let reach = scale.marks[1] - scale.marks[0];
                    let need = values[0].max(0) - values[1].min(values[0]).min(0);
                    assert!(2 * need >= reach * (used - 1).max(0), "{values:?}: {scale:?}");
                }
            }
        }
    }

    #[test]
    fn a_value_lies_where_its_share_of_the_height_is() {
        let scale = Scale::of([60 * UNIT, -40 * UNIT].into_iter(), UNIT);
        assert_eq!(scale.marks, [-50 * UNIT, 0, 50 * UNIT, 100 * UNIT]);
        let below = |value| scale.below_top(value * UNIT, 120);
        assert_eq!([below(100), below(60), below(0), below(-40)], [0, 32, 80, 112]);
        assert_eq!(Scale::of([0].into_iter(), UNIT).below_top(0, 120), 120);
    }
}
