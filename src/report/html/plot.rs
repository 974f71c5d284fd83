//! Values over time as geometry, on the same axis as the time line.

use crate::model::Moment;
use crate::report::numbers::axis;
use crate::report::text::{visible, wrapped};
use crate::verify::Series;

use super::scale::{FINEST, LEFT, Label, Pen, Px, RIGHT, Scale};

const PLOT_HEIGHT: f64 = 54.0;
const PLOT_STEP: f64 = 78.0;

/// Values over time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plot {
    pub(super) labels: Vec<Label>,
    pub(super) unit: Label,
    pub(super) title: String,
    pub(super) class: &'static str,
    pub(super) rule: Px,
    pub(super) area: String,
    pub(super) line: String,
    pub(super) top: Label,
    pub(super) baseline: Option<Px>,
    pub(super) baseline_label: Option<Label>,
}

/// One drawing below the other, from where the pen stands.
pub(super) fn plots(pen: &mut Pen, series: &[Series]) -> Vec<Plot> {
    let mut plots = Vec::with_capacity(series.len());
    if !series.is_empty() {
        pen.y += 16.0;
    }
    for series in series {
        plots.push(plot(pen, series));
        pen.y += PLOT_STEP;
    }
    plots
}

fn plot(pen: &Pen, series: &Series) -> Plot {
    let bottom = pen.y + PLOT_HEIGHT;
    let values = series.high.iter().chain(&series.baseline).copied();
    let top = nice(values.filter(|value| value.is_finite()).fold(0.0, f64::max));
    let y = |value: f64| {
        let value = if value.is_finite() {
            value.clamp(0.0, top)
        } else {
            0.0
        };
        bottom - PLOT_HEIGHT * value / top
    };
    let (high, low) = points(series, pen.scale);
    let label = |x: f64, y: f64, text: String| Label {
        x: Px(x),
        y: Px(y),
        text,
    };
    let lines = wrapped(&visible(&series.label, 66), 21);
    let gutter = lines.into_iter().take(2).zip([12.0, 26.0]);
    let labels: Vec<Label> = gutter
        .map(|(text, down)| label(LEFT - 10.0, pen.y + down, text))
        .collect();
    let unit_y = pen.y + 14.0 + 14.0 * labels.len() as f64;
    let baseline = series
        .baseline
        .filter(|value| value.is_finite() && *value > top * 0.02);
    let apart = |at: &f64| *at > pen.y + 16.0 && *at < bottom - 4.0;
    Plot {
        unit: label(LEFT - 10.0, unit_y - 2.0, visible(&series.unit, 20)),
        title: format!(
            "{}, highest {} {}",
            visible(&series.label, 80),
            axis(peak(series)),
            visible(&series.unit, 20)
        ),
        class: if series.unit == "records" {
            "backlog"
        } else {
            "rate"
        },
        rule: Px(bottom),
        area: area(&high, &low, y),
        line: line(&high, y),
        top: label(RIGHT + 6.0, pen.y + 8.0, axis(top)),
        baseline: baseline.map(|value| Px(y(value))),
        baseline_label: baseline
            .filter(|value| apart(&y(*value)))
            .map(|value| label(RIGHT + 6.0, y(value) + 4.0, axis(value))),
        labels,
    }
}

fn peak(series: &Series) -> f64 {
    series
        .high
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max)
}

/// The next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10 × 10^n at or above a value, so that a scale is read easily.
fn nice(value: f64) -> f64 {
    let value = value.max(1.0);
    let magnitude = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * magnitude >= value);
    step.unwrap_or(10.0) * magnitude
}

type Points = Vec<(f64, f64)>;

/// Highest and lowest value of each column of the drawing; a spike survives however narrow it is.
fn points(series: &Series, scale: Scale) -> (Points, Points) {
    let mut high: Points = Vec::new();
    let mut low: Points = Vec::new();
    for (index, (top, bottom)) in series.high.iter().zip(&series.low).enumerate() {
        let middle = (index as u64)
            .saturating_mul(2)
            .saturating_add(1)
            .saturating_mul(series.bucket_ms)
            / 2;
        let x = scale.x(Moment(middle.saturating_mul(1_000)));
        match (high.last_mut(), low.last_mut()) {
            (Some(last_high), Some(last_low)) if x - last_high.0 < FINEST => {
                last_high.1 = last_high.1.max(*top);
                last_low.1 = last_low.1.min(*bottom);
            }
            _ => {
                high.push((x, *top));
                low.push((x, *bottom));
            }
        }
    }
    (high, low)
}

fn line(points: &[(f64, f64)], y: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    for (index, (x, value)) in points.iter().enumerate() {
        let command = if index == 0 { "M" } else { "L" };
        path.push_str(&format!("{command}{},{}", Px(*x), Px(y(*value))));
    }
    path
}

/// The area below the highest values down to zero.
fn area(high: &[(f64, f64)], low: &[(f64, f64)], y: impl Fn(f64) -> f64) -> String {
    match (high.first(), low.last()) {
        (Some((first, _)), Some((last, _))) => {
            let bottom = Px(y(0.0));
            format!(
                "{}L{},{bottom}L{},{bottom}z",
                line(high, &y),
                Px(*last),
                Px(*first)
            )
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::chart::chart;
    use crate::report::sample;

    #[test]
    fn a_spike_of_one_bucket_survives_a_long_run() {
        let mut judgement = sample::large();
        judgement.series.truncate(1);
        judgement.series[0].high[901] = 77_000.0;
        assert!(chart(&judgement).unwrap().plots[0].title.contains("77,000"));
        let scale = Scale {
            start: Moment::default(),
            end: judgement.timeline.end,
        };
        let (high, _) = points(&judgement.series[0], scale);
        assert!(high.iter().any(|(_, value)| *value == 77_000.0));
    }

    #[test]
    fn scales_end_at_round_numbers() {
        for (value, top) in [
            (0.0, 1.0),
            (4_400.0, 5_000.0),
            (6_290.0, 8_000.0),
            (1_000.0, 1_000.0),
        ] {
            assert_eq!(nice(value), top);
        }
    }
}
