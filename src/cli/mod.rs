//! Arguments, progress and exit codes: the one place that prints.

mod args;
mod attach;
mod backup;
mod certify;
mod doctor;
mod exit;
mod folder;
mod image;
mod init;
mod inspect;
mod inspect_table;
mod lists;
mod output;
mod plan;
mod progress;
mod reach;
mod scenarios;
mod signals;

#[cfg(test)]
mod docs_tests;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::model::secrets::mask_text;

use args::{Arguments, Command, SchemaKind};
use exit::Exit;
use output::{Colour, Output};

/// The program: reads the command line, does what it says, and maps the outcome to an exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Fine
            };
            return told(&error, exit).into();
        }
    };
    let output = Output::new(arguments.color);
    dispatch(arguments.command, &output).into()
}

/// Prints help, or a mistake on the command line: without an argument that looks like a secret, which it repeats.
fn told(error: &clap::Error, exit: Exit) -> Exit {
    let words = error.render().to_string();
    let masked = mask_text(&words);
    if masked == words || !error.use_stderr() {
        let _ = error.print();
    } else {
        Output::new(Colour::Never).remark(masked.trim_end());
    }
    exit
}

fn dispatch(command: Command, output: &Output) -> Exit {
    match command {
        Command::Run(arguments) => certify::run(&arguments, output),
        Command::Plan(arguments) => plan::plan(&arguments, output),
        Command::Validate(arguments) => scenarios::validate(&arguments, output),
        Command::Verify(arguments) => folder::verify(&arguments, output),
        Command::Report(arguments) => folder::report(&arguments, output),
        Command::Explain(arguments) => folder::explain(&arguments, output),
        Command::Inspect(arguments) => inspect::inspect(&arguments, output),
        Command::Backup(arguments) => backup::backup(&arguments, output),
        Command::Restore(arguments) => backup::restore(&arguments, output),
        Command::Doctor(arguments) => doctor::doctor(&arguments, output),
        Command::Image(arguments) => image::image(&arguments, output),
        Command::Clean(arguments) => doctor::clean(&arguments, output),
        Command::Init(arguments) => init::init(&arguments, output),
        Command::List(arguments) => lists::list(&arguments, output),
        Command::Schema(arguments) => {
            let schema = match arguments.kind {
                SchemaKind::Scenario => crate::scenario::json_schema(),
                SchemaKind::Inventory => crate::scenario::inventory_schema(),
                SchemaKind::Result => crate::report::result_schema(),
            };
            output.json(&schema);
            Exit::Fine
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "squall", &mut script);
            output.bytes(&script);
            Exit::Fine
        }
        Command::Man => {
            let mut page = Vec::new();
            match clap_mangen::Man::new(Arguments::command()).render(&mut page) {
                Ok(()) => output.bytes(&page),
                Err(error) => return output.failed(Exit::Environment, &error),
            }
            Exit::Fine
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
