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
mod input;
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
use crate::model::visible;

use args::{Arguments, Command, SchemaKind};
use exit::Exit;
use output::{Colour, Output};

/// The most characters of an argument that a message quotes.
const LONGEST_WORD: usize = 400;

/// The program: reads the command line, does what it says, and maps the outcome to an exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return asked_or_wrong(error).into(),
    };
    let output = Output::new(arguments.color);
    output.ended(dispatch(arguments.command, &output)).into()
}

/// Prints the help that was asked for, or what is wrong with the command line: without an argument that looks like a secret,
/// which it repeats.
fn asked_or_wrong(error: clap::Error) -> Exit {
    let output = Output::new(Colour::Auto);
    // What is wrong is quoted, and an argument may be a file name that somebody else chose.
    let harmless = std::env::args_os().map(|word| visible(&word.to_string_lossy(), LONGEST_WORD));
    let error = Arguments::try_parse_from(harmless).err().unwrap_or(error);
    let is_wrong = error.use_stderr();
    let coloured = match is_wrong {
        true => output.colour_err(),
        false => output.colour_out(),
    };
    let text = match coloured {
        true => error.render().ansi().to_string(),
        false => error.render().to_string(),
    };
    if is_wrong {
        let plain = error.render().to_string();
        let masked = mask_text(&plain);
        let text = if masked == plain { text } else { masked };
        output.painted_remark(text.trim_end());
        return Exit::Usage;
    }
    output.painted(text.trim_end());
    output.ended(Exit::Fine)
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
            output.own_bytes(&script);
            Exit::Fine
        }
        Command::Man => {
            let mut page = Vec::new();
            match clap_mangen::Man::new(Arguments::command()).render(&mut page) {
                Ok(()) => output.own_bytes(&page),
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
