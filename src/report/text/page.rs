//! Lines of coloured text that fit a width.

/// How a page is shown.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Whether to colour.
    pub colour: bool,
}

impl Look {
    /// A page in a file or a pipe.
    pub const PLAIN: Self = Self { width: 80, colour: false };
}

/// Meaning of a piece of text; the page knows the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// As it is.
    Plain,
    /// A heading or the figure that matters.
    Strong,
    /// Beside the point.
    Faint,
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Worth a look.
    Warn,
    /// A bar.
    Bar,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "1;32",
            Self::Bad => "1;31",
            Self::Warn => "33",
            Self::Bar => "36",
        }
    }
}

/// A page that grows line by line.
#[derive(Debug)]
pub struct Page {
    look: Look,
    text: String,
    lines: usize,
}

impl Page {
    /// An empty page.
    pub fn new(look: Look) -> Self {
        Self { look: Look { width: look.width.max(20), ..look }, text: String::new(), lines: 0 }
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.look.width
    }

    /// Lines so far.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// The page.
    pub fn finish(self) -> String {
        self.text
    }

    /// An empty line.
    pub fn gap(&mut self) {
        self.text.push('\n');
        self.lines += 1;
    }

    /// One line; what does not fit is cut off with an ellipsis.
    pub fn row(&mut self, pieces: &[(Ink, &str)]) {
        let mut room = self.look.width;
        let total: usize = pieces.iter().map(|(_, text)| text.chars().count()).sum();
        let cut = total > room;
        if cut {
            room -= 1;
        }
        let mut line = String::new();
        for (ink, text) in pieces {
            let shown: String = text.chars().take(room).collect();
            room -= shown.chars().count();
            self.paint(&mut line, *ink, &shown);
        }
        if cut {
            line.push('…');
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
        self.lines += 1;
    }

    /// A sentence, wrapped; later lines are indented.
    pub fn prose(&mut self, ink: Ink, text: &str, indent: usize) {
        let mut line: String = text.chars().take_while(|letter| *letter == ' ').collect();
        for word in words(text) {
            let longer = line.chars().count() + 1 + word.chars().count();
            if longer > self.look.width && !line.trim().is_empty() {
                self.row(&[(ink, &line)]);
                line = " ".repeat(indent);
                line.push_str(word);
            } else {
                if !line.trim().is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
        if !line.trim().is_empty() {
            self.row(&[(ink, &line)]);
        }
    }

    fn paint(&self, line: &mut String, ink: Ink, text: &str) {
        if text.is_empty() {
            return;
        }
        let code = ink.code();
        if self.look.colour && !code.is_empty() {
            line.push_str("\u{1b}[");
            line.push_str(code);
            line.push('m');
            line.push_str(text);
            line.push_str("\u{1b}[0m");
        } else {
            line.push_str(text);
        }
    }
}

/// Words, a number and its percent sign being one.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        let ends = rest.match_indices(' ').map(|(at, _)| at);
        let end = ends.into_iter().find(|&at| !rest[at + 1..].starts_with('%'));
        let end = end.unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after.trim_start();
        (!word.is_empty()).then_some(word)
    })
}

/// A bar of `share` of `width` columns, to an eighth of a column.
pub fn bar(share: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    // Something is never nothing.
    let eighths = if share > 0.0 { eighths.max(1) } else { eighths };
    let mut text = "█".repeat(eighths / 8);
    text.push_str(EIGHTHS[eighths % 8]);
    let used = text.chars().count();
    text.push_str(&" ".repeat(width.saturating_sub(used)));
    text
}

/// Text in the left of a column of a width.
pub fn left(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length > width {
        let kept: String = text.chars().take(width.saturating_sub(1)).collect();
        format!("{kept}…")
    } else {
        format!("{text}{}", " ".repeat(width - length))
    }
}

/// Text in the right of a column of a width.
pub fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.chars().count())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_and_prose_is_wrapped() {
        let mut page = Page::new(Look { width: 20, colour: false });
        page.row(&[(Ink::Plain, "0123456789"), (Ink::Bad, "0123456789abc")]);
        page.prose(Ink::Plain, "one two three four 5 % six seven", 2);
        assert_eq!(page.finish(), "0123456789012345678…\none two three four\n  5 % six seven\n");
    }

    #[test]
    fn colours_do_not_change_the_text() {
        let mut page = Page::new(Look { width: 20, colour: true });
        page.row(&[(Ink::Good, "ok"), (Ink::Plain, " then")]);
        assert_eq!(page.finish(), "\u{1b}[1;32mok\u{1b}[0m then\n");
    }

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(bar(0.5, 4), "██  ");
        assert_eq!(bar(0.001, 4), "▏   ");
        assert_eq!(bar(0.0, 4), "    ");
        assert_eq!(bar(2.0, 4), "████");
    }
}
