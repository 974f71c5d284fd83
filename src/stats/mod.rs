//! Statistics for few and costly runs: exact where that can be had, and never more sure than the number of runs allows.
//!
//! Pure functions on plain numbers: nothing here reads, prints or waits, and where arrangements are drawn the seed is fixed,
//! so that the same values give the same answer. A value that is missing is `None` and is left out visibly.
//!
//! # Which question, which method, from where
//!
//! | question | call | method | source |
//! |---|---|---|---|
//! | where is one cell? | [`median`] | order-statistic interval | Thompson 1936 |
//! | do two cells differ, block by block? | [`sign_flip_test`], [`signed_rank_test`] | permutation of signs, counted | Fisher 1935, Pitman 1937; Wilcoxon 1945, Pratt 1959 |
//! | by how much, how many times? | [`paired_shift`], [`paired_ratio`] | median of the Walsh averages, signed-rank test inverted | Hodges and Lehmann 1963, Tukey 1949 |
//! | the same without blocks? | [`rank_sum_test`], [`unpaired_shift`], [`unpaired_ratio`] | rank sums counted, with ties; inverted | Mann and Whitney 1947, Streitberg and Röhmel 1986; Moses 1953 |
//! | which cells of a sweep are better? | [`compare`] | the paired test, adjusted over all pairs by [`holm`] or [`shaffer_after_joint`] | Holm 1979; Shaffer 1986, Holland and Copenhaver 1987 |
//! | does any cell differ? | [`joint_test`] | permutation within blocks | Pitman 1938 |
//! | what could have been seen? | [`Comparison::detectable`] | power of the paired test under normal noise of the observed spread | Cohen 1988 |
//! | does it grow with the setting? | [`dose`] | slope of each block, then as by how much | Theil 1950, Sen 1968 |
//! | is it no worse than allowed? | [`no_worse`] | end of the interval against the margin | Schuirmann 1987 |
//! | how many, how often? | [`poisson_interval`], [`share_interval`], [`at_most_when_none`] | Garwood; Clopper and Pearson; 3 / N made exact | 1936; 1934; Hanley and Lippman-Hand 1983 |
//! | is one rate above another? | [`compare_rates`] | binomial test given the sum | Przyborowski and Wilenski 1940 |
//! | an interval over faults | [`bootstrap`] | runs drawn again whole, widened percentiles | Davison and Hinkley 1997, Hesterberg 2015 |
//!
//! # What few runs can show
//!
//! With n pairs no p-value below 2 / 2ⁿ exists ([`smallest_p`]), and each further pair of cells asks for a smaller one;
//! [`fewest_blocks`] says how many repeats a sweep needs before it can show anything. Whatever has fewer is
//! [`Answer::TooFewRepeats`], never "no difference".
//!
//! # Measured
//!
//! `cargo test --lib stats:: -- --ignored --nocapture` prints the coverage of the intervals, the share of sweeps that find
//! a difference where none is, and the share that find a planted one; `simulated.rs` holds the figures of the last time.

mod answer;
mod blocks;
mod bootstrap;
mod counts;
mod detectable;
mod dose;
mod draws;
mod family;
mod level;
mod margin;
mod order;
mod pairs;
mod ranks;
mod shift;
mod signs;
#[cfg(test)]
mod simulated;

pub use answer::{Answer, Comparison, Direction, Question, Scale, compare};
pub use blocks::joint_test;
pub use bootstrap::{Bootstrap, Over, Summary, bootstrap};
pub use counts::{RateRatio, at_most_when_none, compare_rates, poisson_interval, share_interval};
pub use detectable::POWER;
pub use dose::{Dose, dose};
pub use family::{Family, fewest_blocks, holm, shaffer_after_joint};
pub use level::{Interval, Level, PValue, Source};
pub use margin::{Bounds, Contrast, Margin, NoWorse, no_worse};
pub use order::{Median, median};
pub use pairs::{Pairs, present};
pub use ranks::rank_sum_test;
pub use shift::{Shift, paired_ratio, paired_shift, unpaired_ratio, unpaired_shift};
pub use signs::{sign_flip_test, signed_rank_test, smallest_p};
