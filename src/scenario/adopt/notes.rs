//! What was done with somebody's files and must be said: to whom it may concern in the terminal, and in the scenario itself.

/// Remarks in the order in which they came up. They name settings and files, and never a value.
#[derive(Debug, Default)]
pub(super) struct Notes {
    said: Vec<String>,
    left_out: Vec<LeftOut>,
}

/// Settings of a file that are left out for one reason.
#[derive(Debug)]
struct LeftOut {
    file: String,
    why: String,
    names: Vec<String>,
}

impl Notes {
    /// Notes a sentence.
    pub(super) fn say(&mut self, sentence: String) {
        self.said.push(sentence);
    }

    /// Notes that a setting of this file is left out.
    pub(super) fn left_out(&mut self, file: &str, name: &str, why: &str) {
        let same = |known: &&mut LeftOut| known.file == file && known.why == why;
        match self.left_out.iter_mut().find(same) {
            Some(known) => known.names.push(name.to_owned()),
            None => self.left_out.push(LeftOut {
                file: file.to_owned(),
                why: why.to_owned(),
                names: vec![name.to_owned()],
            }),
        }
    }

    /// All of it, a line each: what was left out comes last.
    pub(super) fn lines(&self) -> Vec<String> {
        let left_out = self.left_out.iter().map(|LeftOut { file, why, names }| {
            let names = names.join("`, `");
            format!("left out of {file}: `{names}` ({why})")
        });
        self.said
            .iter()
            .cloned()
            .chain(left_out)
            .map(|line| one_line(&line))
            .collect()
    }
}

/// Line ends and other control characters of a name would end a comment, or write to the terminal.
fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let shown: Vec<char> = if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            };
            shown
        })
        .collect()
}
