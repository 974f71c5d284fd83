//! The time line as geometry: what stands where in the drawing, in units of its view box.

use crate::model::Moment;
use crate::report::numbers::{moment, seconds};
use crate::report::text::visible;
use crate::verify::{FaultBand, Judgement, Paint, Segment, TimelineLane};

use super::plot::{Plot, plots};
use super::scale::{FINEST, LEFT, Label, Pen, Px, RIGHT, Scale};

/// Width of the drawing.
pub(super) const WIDTH: f64 = 1_120.0;
const FEW_LANES: usize = 30;
/// Above this many, bands bear only the numbers of their faults.
const FEW_BANDS: usize = 16;
const FEW_SEGMENTS: usize = 1_500;
const LABEL_ROWS: usize = 4;
const LABEL_ROW: f64 = 15.0;
const LABEL_CHARACTER: f64 = 6.6;

/// A fault band with its label, where there is room for one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Band {
    pub(super) x: Px,
    pub(super) width: Px,
    /// How much of it the fault itself lasted, where it was undone.
    pub(super) over: Option<Px>,
    pub(super) title: String,
    pub(super) label: Option<Label>,
}

/// A stretch of a lane.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    pub(super) x: Px,
    pub(super) width: Px,
    pub(super) class: String,
    pub(super) title: String,
    pub(super) label: Option<Label>,
}

/// All stretches of one colour in a lane with very many of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Blocks {
    pub(super) class: String,
    pub(super) path: String,
}

/// One lane of the time line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) label: Label,
    pub(super) y: Px,
    pub(super) height: Px,
    pub(super) rule: Px,
    pub(super) blocks: Vec<Block>,
    pub(super) dense: Vec<Blocks>,
    pub(super) ticks: String,
}

/// The whole drawing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub(super) height: Px,
    pub(super) top: Px,
    pub(super) bottom: Px,
    pub(super) axis_y: Px,
    pub(super) left: Px,
    pub(super) right: Px,
    pub(super) grid: Vec<Label>,
    pub(super) bands: Vec<Band>,
    pub(super) many_bands: bool,
    pub(super) groups: Vec<Label>,
    pub(super) rows: Vec<Row>,
    pub(super) plots: Vec<Plot>,
}

impl Chart {
    /// Whether a band shows how long its fault lasted.
    pub(super) fn lasts(&self) -> bool {
        self.bands.iter().any(|band| band.over.is_some())
    }
}

/// The drawing of a judgement; `None` where nothing was observed.
pub(super) fn chart(judgement: &Judgement) -> Option<Chart> {
    let timeline = &judgement.timeline;
    let observed = !timeline.lanes.is_empty() || !judgement.series.is_empty();
    let end = longest(judgement);
    if !observed || end.0 == 0 {
        return None;
    }
    let start = cluster_begins(judgement).min(end);
    let scale = Scale { start, end };
    let (bands, label_rows) = bands(&timeline.bands, scale);
    let top = 10.0 + LABEL_ROW * label_rows as f64;
    let mut pen = Pen { y: top, scale };
    let phases = phase_lane(judgement);
    let lanes: Vec<&TimelineLane> = phases.iter().chain(&timeline.lanes).collect();
    let (groups, rows) = rows(&mut pen, &lanes);
    let plots = plots(&mut pen, &judgement.series);
    let bottom = pen.y + 4.0;
    Some(Chart {
        height: Px(bottom + 26.0),
        top: Px(top),
        bottom: Px(bottom),
        axis_y: Px(bottom + 16.0),
        left: Px(LEFT),
        right: Px(RIGHT),
        grid: grid(scale),
        many_bands: bands.len() > FEW_BANDS,
        bands,
        groups,
        rows,
        plots,
    })
}

fn longest(judgement: &Judgement) -> Moment {
    let run = Moment::from_ms(judgement.run.duration_ms);
    let timeline = judgement.timeline.end;
    if timeline.0 == 0 { run } else { timeline }
}

/// When brokers and workers begin to come up: fetching Kafka before that may take longer than the run.
fn cluster_begins(judgement: &Judgement) -> Moment {
    let mut phases = judgement.run.phases.iter();
    let first = phases.find(|phase| phase.phase != "prepare");
    first.map_or(Moment(0), |phase| phase.from)
}

/// The phases of the run as the uppermost lane.
fn phase_lane(judgement: &Judgement) -> Option<TimelineLane> {
    let segments: Vec<Segment> = judgement
        .run
        .phases
        .iter()
        .map(|phase| Segment {
            from: phase.from,
            to: Moment(
                phase
                    .from
                    .0
                    .saturating_add(phase.length_ms.saturating_mul(1_000)),
            ),
            label: phase.phase.clone(),
            paint: Paint::Good,
        })
        .collect();
    (!segments.is_empty()).then(|| TimelineLane {
        group: "run".to_owned(),
        label: "phase".to_owned(),
        segments,
        ticks: Vec::new(),
    })
}

/// Places each band's label in the first row with room for it, whole or as the fault's number; none where there is no room.
fn bands(bands: &[FaultBand], scale: Scale) -> (Vec<Band>, usize) {
    let mut free = [LEFT; LABEL_ROWS];
    let mut used = 0;
    let mut placed = Vec::with_capacity(bands.len());
    for band in bands {
        let (from, to) = (scale.x(band.from), scale.x(band.to));
        let whole = visible(&band.label, 60);
        let short = band.fault.to_string();
        let mut label = None;
        let texts = if bands.len() <= FEW_BANDS {
            vec![whole.clone(), short]
        } else {
            vec![short]
        };
        for text in texts {
            let width = text.chars().count() as f64 * LABEL_CHARACTER + 10.0;
            // A label near the right edge stands left of its line.
            let start = if from + width > WIDTH {
                from - width
            } else {
                from + 5.0
            };
            let room = free.iter().position(|row| *row <= start && start >= 0.0);
            if let (None, Some(row)) = (&label, room) {
                free[row] = start + width;
                used = used.max(row + 1);
                label = Some((Px(start), row, text));
            }
        }
        let over = band
            .over
            .map(|over| Px((scale.x(over.min(band.to)) - from).max(1.0)));
        placed.push((
            band,
            Px(from),
            (Px((to - from).max(1.0)), over),
            whole,
            label,
        ));
    }
    let bands = placed
        .into_iter()
        .map(|(band, x, (width, over), whole, label)| Band {
            x,
            width,
            over,
            title: title(band, &whole),
            label: label.map(|(x, row, text)| Label {
                x,
                y: Px(4.0 + LABEL_ROW * (row + 1) as f64),
                text,
            }),
        });
    (bands.collect(), used)
}

/// "F1 pause w2 (a follower): 14.00 s to 33.90 s, undone at 26.00 s"
fn title(band: &FaultBand, label: &str) -> String {
    let undone = band.over.map_or(String::new(), |over| {
        format!(", undone at {}", moment(over))
    });
    format!(
        "{label}: {} to {}{undone}",
        moment(band.from),
        moment(band.to)
    )
}

fn rows(pen: &mut Pen, lanes: &[&TimelineLane]) -> (Vec<Label>, Vec<Row>) {
    let step = if lanes.len() <= FEW_LANES { 24.0 } else { 15.0 };
    let segments: usize = lanes.iter().map(|lane| lane.segments.len()).sum();
    let dense = segments > FEW_SEGMENTS;
    let mut groups = Vec::new();
    let mut rows = Vec::with_capacity(lanes.len());
    let mut group = None;
    for lane in lanes {
        if group != Some(&lane.group) {
            group = Some(&lane.group);
            pen.y += 24.0;
            groups.push(Label {
                x: Px(LEFT - 10.0),
                y: Px(pen.y - 7.0),
                text: visible(&lane.group, 24),
            });
        }
        rows.push(row(pen, lane, step, dense));
        pen.y += step;
    }
    (groups, rows)
}

fn row(pen: &Pen, lane: &TimelineLane, step: f64, dense: bool) -> Row {
    let height = step - 7.0;
    let text_y = pen.y + height / 2.0 + 4.0;
    let blocks: Vec<Block> = merged(lane, pen.scale)
        .into_iter()
        .map(|segment| block(pen.scale, &lane.group, segment, text_y, step))
        .collect();
    let (blocks, dense) = if dense {
        (Vec::new(), paths(&blocks, pen.y, height))
    } else {
        (blocks, Vec::new())
    };
    Row {
        label: Label {
            x: Px(LEFT - 10.0),
            y: Px(text_y),
            text: visible(&lane.label, 24),
        },
        y: Px(pen.y),
        height: Px(height),
        rule: Px(pen.y + step - 3.5),
        blocks,
        dense,
        ticks: ticks(&lane.ticks, pen.scale, pen.y + 2.0, height - 4.0),
    }
}

/// The stretches that can be seen: too short ones are left out unless they are bad.
fn merged(lane: &TimelineLane, scale: Scale) -> Vec<&Segment> {
    let seen = |segment: &&Segment| {
        let width = scale.x(segment.to) - scale.x(segment.from);
        width >= FINEST / 3.0 || segment.paint == Paint::Bad
    };
    lane.segments.iter().filter(seen).collect()
}

fn block(scale: Scale, group: &str, segment: &Segment, text_y: f64, step: f64) -> Block {
    let (from, to) = (scale.x(segment.from), scale.x(segment.to));
    let width = (to - from).max(1.0);
    let text = visible(&segment.label, 60);
    let length = Moment(segment.to.0.saturating_sub(segment.from.0)).as_ms();
    let room = step > 20.0 && text.chars().count() as f64 * LABEL_CHARACTER + 6.0 <= width;
    let slim = segment.paint == Paint::Bad && width < 8.0;
    let class = if slim {
        // A hatched ground would look empty.
        "bad-slim".to_owned()
    } else if group == "run" {
        "ph-run".to_owned()
    } else {
        class(segment.paint)
    };
    Block {
        x: Px(from),
        width: Px(width),
        title: format!(
            "{text}: {} to {}, {}",
            moment(segment.from),
            moment(segment.to),
            seconds(length)
        ),
        label: (room && !text.is_empty()).then(|| Label {
            x: Px(f64::midpoint(from, to)),
            y: Px(text_y),
            text,
        }),
        class,
    }
}

/// The style class of a paint; the palette has six colours for workers.
pub(super) fn class(paint: Paint) -> String {
    match paint {
        Paint::Worker(index) => format!("w{}", index % 6),
        Paint::Good => "good".to_owned(),
        Paint::Changing => "changing".to_owned(),
        Paint::Waiting => "waiting".to_owned(),
        Paint::Bad => "bad".to_owned(),
    }
}

fn paths(blocks: &[Block], y: f64, height: f64) -> Vec<Blocks> {
    let mut all: Vec<Blocks> = Vec::new();
    for block in blocks {
        let rectangle = format!(
            "M{},{}h{}v{}h-{}z",
            block.x,
            Px(y),
            block.width,
            Px(height),
            block.width
        );
        match all.iter_mut().find(|blocks| blocks.class == block.class) {
            Some(blocks) => blocks.path.push_str(&rectangle),
            None => all.push(Blocks {
                class: block.class.clone(),
                path: rectangle,
            }),
        }
    }
    all
}

fn ticks(ticks: &[Moment], scale: Scale, y: f64, height: f64) -> String {
    let mut path = String::new();
    let mut last = f64::MIN;
    for tick in ticks {
        let x = scale.x(*tick);
        if x - last >= FINEST {
            path.push_str(&format!("M{},{}v{}", Px(x), Px(y), Px(height)));
            last = x;
        }
    }
    path
}

/// A grid line every 1, 2, 5, 10, … seconds, at most twelve of them.
fn grid(scale: Scale) -> Vec<Label> {
    const STEPS: [u64; 16] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200,
    ];
    let (start, end) = (
        scale.start.as_us().div_ceil(1_000_000),
        scale.end.as_us() / 1_000_000,
    );
    let length = end.saturating_sub(start);
    let step = STEPS
        .into_iter()
        .find(|step| length / step <= 12)
        .unwrap_or(length / 12 + 1);
    let text = |second: u64| match step {
        0..60 if end < 120 => format!("{second} s"),
        0..60 => format!("{}:{:02}", second / 60, second % 60),
        _ => format!("{} min", second / 60),
    };
    let lines = (start.div_ceil(step)..=end / step).map(|index| index * step);
    lines
        .map(|second| Label {
            x: Px(scale.x(Moment::from_ms(second * 1_000))),
            y: Px(0.0),
            text: text(second),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn everything_stands_inside_the_drawing() {
        for (name, judgement) in sample::all() {
            let Some(chart) = chart(&judgement) else {
                assert_eq!(name, "environment");
                continue;
            };
            for block in chart.rows.iter().flat_map(|row| &row.blocks) {
                assert!(
                    block.x.0 >= LEFT && block.x.0 + block.width.0 <= RIGHT + 1.0,
                    "{name}: {block:?}"
                );
            }
            for row in &chart.rows {
                assert!(
                    row.y.0 >= chart.top.0 && row.rule.0 <= chart.bottom.0,
                    "{name}"
                );
            }
            assert!(
                (2..=13).contains(&chart.grid.len()),
                "{name}: {:?}",
                chart.grid
            );
        }
    }

    #[test]
    fn the_drawing_begins_with_the_cluster_however_long_fetching_took() {
        let mut judgement = sample::held();
        let far = |at: Moment| Moment(at.0 + 300_000_000);
        let mut prepare = judgement.run.phases[0].clone();
        for phase in &mut judgement.run.phases {
            phase.from = far(phase.from);
        }
        prepare.phase = "prepare".to_owned();
        judgement.run.phases.insert(0, prepare);
        judgement.timeline.end = far(judgement.timeline.end);
        let begins = cluster_begins(&judgement);
        assert_eq!(begins.as_ms(), 300_000);
        let chart = chart(&judgement).unwrap();
        assert!((2..=13).contains(&chart.grid.len()), "{:?}", chart.grid);
        let phase = &chart.rows[0].blocks;
        assert_eq!(phase[0].x, Px(LEFT));
        assert!(phase[0].title.starts_with("provision"), "{:?}", phase[0]);
    }

    #[test]
    fn labels_of_faults_never_cover_each_other() {
        let chart = chart(&sample::large()).unwrap();
        let mut labels: Vec<&Label> = chart
            .bands
            .iter()
            .filter_map(|band| band.label.as_ref())
            .collect();
        assert!(labels.len() > 40, "only {} labels", labels.len());
        labels.sort_by(|a, b| a.y.0.total_cmp(&b.y.0).then(a.x.0.total_cmp(&b.x.0)));
        for pair in labels.windows(2) {
            let end = pair[0].x.0 + pair[0].text.chars().count() as f64 * LABEL_CHARACTER;
            assert!(pair[0].y != pair[1].y || end <= pair[1].x.0, "{pair:?}");
        }
    }

    #[test]
    fn a_task_without_owner_is_drawn_however_short_it_was() {
        let mut judgement = sample::large();
        judgement.timeline.lanes.truncate(1);
        judgement.timeline.lanes[0].segments = vec![Segment {
            from: Moment(5),
            to: Moment(6),
            label: "nobody".to_owned(),
            paint: Paint::Bad,
        }];
        assert_eq!(chart(&judgement).unwrap().rows[1].blocks.len(), 1);
    }
}
