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
//! | does it grow with the setting? | [`dose()`] | slope of each block, then as by how much | Theil 1950, Sen 1968 |
//! | is it no worse than allowed? | [`no_worse`] | end of the interval against the margin | Schuirmann 1987 |
//! | how many, how often? | [`poisson_interval`], [`share_interval`], [`at_most_when_none`] | Garwood; Clopper and Pearson; 3 / N made exact | 1936; 1934; Hanley and Lippman-Hand 1983 |
//! | is one rate above another? | [`compare_rates`] | binomial test given the sum | Przyborowski and Wilenski 1940 |
//! | an interval over faults | [`bootstrap()`] | runs drawn again whole, widened percentiles | Davison and Hinkley 1997, Hesterberg 2015 |
//!
//! # What few runs can show
//!
//! With n pairs no p-value below 2 / 2ⁿ exists ([`smallest_p`]), and each further pair of cells asks for a smaller one;
//! [`fewest_blocks`] says how many repeats a sweep needs before it can show anything. Whatever has fewer is
//! [`Answer::TooFewRepeats`], never "no difference".
//!
//! # Measured
//!
//! `cargo test --lib stats::simulated -- --ignored --nocapture` prints these again, each from 1,000 simulated sweeps whose
//! blocks differ by 20 % and whose runs differ by 22 % of their value where nothing else is said; chance moves a figure by about 0.7.
//!
//! | of 1,000 sweeps | percent |
//! |---|---|
//! | paired interval holds the truth: 6, 7, 8, 10 blocks, effects 1 to 5 times, or 1 to 5 deviations | 94.7 to 97.2 |
//! | unpaired interval holds the truth: 6 to 10 values against as many | 94.4 to 96.4 |
//! | slope's interval holds the truth: 3 cells, 6 to 10 blocks | 94.6 to 97.1 |
//! | median's interval holds the truth: 6, 7, 8, 10 runs | 96.9, 98.8, 99.1, 97.2 |
//! | Garwood's and the ratio of rates, 0.5 to 300 events expected | 94.0 to 100 |
//! | bootstrap's interval over faults, mean and median: 5, 6, 20 runs | 93.0 and 92.1, 93.7 and 92.1, 93.2 and 96.5 |
//! | a difference called where none is, two cells alike: 6, 10 blocks | 3.6, 4.8 |
//! | … three cells alike by [`Family::Holm`]: 7 blocks; of three measures: 9 blocks | 4.0; 2.9 |
//! | … three cells alike by [`Family::AfterJoint`]: 6, 10 blocks; two alike and one not: 6 blocks; of three measures: 7 blocks | 2.9, 5.3; 3.4; 2.8 |
//! | … four cells, 8 blocks: alike by [`Family::Holm`]; two and two alike by [`Family::AfterJoint`] | 4.8; 4.8 |
//! | twice as much found, two cells, six blocks; runs differ by 20, 22, 25 % | 96.0, 91.8, 87.0 |
//! | twice as much found, two cells, seven, eight blocks; runs differ by 25 % | 97.3, 99.4 |
//! | each of three cells' pairs found at 1, 2, 4 times by [`Family::AfterJoint`], six blocks; by Holm, eight | 95.1; 99.9 |
//! | what [`Comparison::detectable`] promises to 80 %: 6, 8, 12 blocks | 77.8, 79.1, 81.7 |
//!
//! Six pairs show a difference only where all six are on its side. So a single repeat more helps more than any method: seven
//! may have one or two small ones on the other.

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
