//! `squall inspect`: a Connect cluster as it is now.

use clap::Args;

use crate::connect::inspect as connect;

use super::exit::Exit;
use super::inspect_table::table;
use super::output::{Format, Output};
use super::reach::{ReachArguments, reach};

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArguments {
    /// How the cluster is reached
    #[command(flatten)]
    pub reach: ReachArguments,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Looks and prints; exit code 4 when brokers or workers cannot be reached.
pub fn inspect(arguments: &InspectArguments, output: &Output) -> Exit {
    let reach = match reach(&arguments.reach, output) {
        Ok(reach) => reach,
        Err(exit) => return exit,
    };
    if reach.cluster.bootstrap.is_empty() {
        let why = "no brokers to ask; give --bootstrap HOST:PORT, or --attach FILE";
        return output.failed(Exit::Usage, &why);
    }
    match connect::inspect(&reach) {
        Ok(seen) => {
            match arguments.format {
                Format::Json => output.json(&seen),
                Format::Human => {
                    let table = table(&seen, output.colour_out(), output.width());
                    output.painted(table.trim_end_matches('\n'));
                }
            }
            Exit::Fine
        }
        Err(error) => output.failed(Exit::Environment, &error),
    }
}
