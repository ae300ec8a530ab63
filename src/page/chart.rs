//! A chart as SVG: bars on a scale with its zero line, the period before as a pale line, and all values as a table. The
//! drawing is stretched to the width that there is, its texts are not.

use std::fmt::Write;

use askama::Template;
use askama::filters::HtmlSafe;

use crate::figures::money;
use crate::figures::scale::{Scale, UNIT, short};

/// Height of the bars in pixels, and where they begin below the chart's edge, so that the highest mark's number has room.
const HEIGHT: i64 = 120;
const TOP: i64 = 8;

/// Width of a bar with the room beside it, before it is stretched.
const BAR: usize = 10;
const GAP: usize = 1;

/// Labels below the bars at most: on a phone, a fifth of its 250 pixels is wider than any of them.
const LABELS: usize = 4;

/// What a chart is of.
pub struct Subject<'a> {
    /// What tells it from the others on its page.
    pub id: &'a str,
    pub title: String,
    /// The currency of its values; of counts `None`.
    pub currency: Option<&'a str>,
    /// What became of its total since the period before.
    pub change: String,
    /// `Hour`, `Day` or `Week`.
    pub unit_of_time: &'static str,
    pub labels: &'a [String],
}

/// The values of the period before, and its name.
pub struct Earlier {
    pub name: String,
    pub values: Vec<i128>,
}

struct Mark {
    y: i64,
    text: String,
    is_zero: bool,
}

#[derive(Template)]
#[template(path = "chart.html")]
pub struct Chart {
    id: String,
    title: String,
    unit: String,
    total: String,
    change: String,
    first: String,
    last: String,
    unit_of_time: &'static str,
    width: usize,
    marks: Vec<Mark>,
    /// Outlines of the bars; nothing for a value of zero.
    bars: String,
    /// Points of the pale line; empty where there was nothing.
    line: String,
    /// Where in per cent of the width, and what.
    labels: Vec<(String, String)>,
    before: Option<String>,
    rows: Vec<(String, String, Option<String>)>,
}

impl HtmlSafe for Chart {}

/// Draws values, all in millionths.
pub fn chart(of: &Subject<'_>, values: &[i128], earlier: Option<&Earlier>) -> Chart {
    let before = earlier.map_or(&[][..], |earlier| &earlier.values);
    let least = if of.currency.is_some() { 1 } else { UNIT };
    let scale = Scale::of(values.iter().chain(before).copied(), least);
    let write = |micros: i128| match of.currency {
        Some(currency) => money::written(micros, currency),
        None => money::count(i64::try_from(micros / UNIT).unwrap_or(i64::MAX)),
    };
    let total = write(values.iter().sum());
    let unit = of.currency.map(|currency| format!("\u{a0}{currency}")).unwrap_or_default();
    let row = |(at, (value, label)): (usize, (&i128, &String))| {
        let before = earlier.map(|_| write(before.get(at).copied().unwrap_or_default()));
        (label.clone(), write(*value), before)
    };
    Chart {
        id: of.id.to_owned(),
        title: of.title.clone(),
        total: format!("{total}{unit}"),
        unit,
        change: of.change.clone(),
        first: of.labels.first().cloned().unwrap_or_default(),
        last: of.labels.last().cloned().unwrap_or_default(),
        unit_of_time: of.unit_of_time,
        width: values.len() * BAR,
        marks: marks(&scale),
        bars: bars(&scale, values),
        line: line(&scale, before),
        labels: labels(of.labels),
        before: earlier.map(|earlier| earlier.name.clone()),
        rows: values.iter().zip(of.labels).enumerate().map(row).collect(),
    }
}

fn marks(scale: &Scale) -> Vec<Mark> {
    let mark = |value: &i128| Mark {
        y: TOP + scale.below_top(*value, HEIGHT),
        text: short(*value),
        is_zero: *value == 0,
    };
    scale.marks.iter().map(mark).collect()
}

/// A rectangle for each value, from the zero line up, or down for what was taken back.
fn bars(scale: &Scale, values: &[i128]) -> String {
    let zero = scale.below_top(0, HEIGHT);
    let mut path = String::new();
    for (at, value) in values.iter().enumerate().filter(|(_, value)| **value != 0) {
        // What is there at all shows as a line at least.
        let height = match zero - scale.below_top(*value, HEIGHT) {
            0 if *value < 0 => -1,
            0 => 1,
            height => height,
        };
        let (x, width) = (at * BAR + GAP, BAR - 2 * GAP);
        let _never_fails = write!(path, "M{x} {zero}v{}h{width}v{height}z", -height);
    }
    path
}

fn line(scale: &Scale, values: &[i128]) -> String {
    if values.iter().all(|value| *value == 0) {
        return String::new();
    }
    let point = |(at, value): (usize, &i128)| {
        format!("{},{}", at * BAR + BAR / 2, scale.below_top(*value, HEIGHT))
    };
    values.iter().enumerate().map(point).collect::<Vec<_>>().join(" ")
}

/// Labels in equal steps, each below the middle of its bar.
fn labels(labels: &[String]) -> Vec<(String, String)> {
    let step = labels.len().div_ceil(LABELS).max(1);
    let place = |(at, label): (usize, &String)| {
        let permille = 500 * (2 * at + 1) / labels.len();
        (format!("{}.{}", permille / 10, permille % 10), label.clone())
    };
    labels.iter().enumerate().step_by(step).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[i128], before: &[i128], currency: Option<&str>) -> Chart {
        let labels: Vec<String> = (1..=values.len()).map(|at| format!("{at} Nov")).collect();
        let subject = Subject {
            id: "x",
            title: "Revenue".to_owned(),
            currency,
            change: String::new(),
            unit_of_time: "Day",
            labels: &labels,
        };
        let earlier = Earlier { name: "before".to_owned(), values: before.to_vec() };
        chart(&subject, values, Some(&earlier).filter(|_| !before.is_empty()))
    }

    #[test]
    fn bars_keep_their_proportions_and_reversals_hang_below_the_zero_line() {
        let chart = drawn(&[60, 0, -40, 1].map(|value| value * UNIT), &[], Some("USD"));
        let marks: Vec<_> = chart.marks.iter().map(|mark| (mark.y, mark.text.as_str())).collect();
        assert_eq!(marks, [(128, "\u{2212}50"), (88, "0"), (48, "50"), (8, "100")]);
        assert_eq!(chart.bars, "M1 80v-48h8v48zM21 80v32h8v-32zM31 80v-1h8v1z");
        assert_eq!((chart.total.as_str(), chart.width), ("21.00\u{a0}USD", 40));
        assert_eq!(chart.rows.get(2).map(|(_, value, _)| value.as_str()), Some("\u{2212}40.00"));
    }

    #[test]
    fn the_period_before_shares_the_scale() {
        let chart = drawn(&[UNIT, 2 * UNIT], &[10 * UNIT, 0], None);
        assert_eq!(chart.line, "5,0 15,120");
        assert_eq!(chart.marks.last().map(|mark| mark.text.as_str()), Some("10"));
        let row = ("1 Nov".to_owned(), "1".to_owned(), Some("10".to_owned()));
        assert_eq!(chart.rows.first(), Some(&row));
    }

    #[test]
    fn a_chart_of_nothing_has_its_zero_line_at_the_foot() {
        let chart = drawn(&[0, 0], &[0, 0], None);
        assert_eq!((chart.bars.as_str(), chart.line.as_str(), chart.marks.len()), ("", "", 1));
        assert_eq!(chart.marks.first().map(|mark| (mark.y, mark.is_zero)), Some((128, true)));
    }

    #[test]
    fn there_is_room_for_every_label() {
        for count in 1..70 {
            let labels: Vec<String> = (0..count).map(|at| at.to_string()).collect();
            let shown = super::labels(&labels);
            let places: Vec<f64> = shown.iter().map(|(at, _)| at.parse().unwrap()).collect();
            assert!(shown.len() <= 4 && places.windows(2).all(|pair| pair[1] - pair[0] > 20.0));
        }
    }
}
