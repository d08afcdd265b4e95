//! Folders of results: written beside, renamed into place, whole or not there.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::exit::{Exit, Stop};
use super::interrupt::unfinished;

/// A folder being written.
#[derive(Debug)]
pub struct Staged {
    /// Where it is written.
    place: PathBuf,
    /// Where it will be.
    target: PathBuf,
    done: bool,
}

impl Staged {
    /// Begins a folder `out`/`name`, or says why it cannot be written. What stands there from an
    /// earlier run stays until the new one is whole; what is not ours is not touched.
    pub fn begin(out: &Path, name: &str) -> Result<Self, Stop> {
        let target = out.join(name);
        if target.exists() && !replaceable(&target) {
            let message = format!(
                "{} exists and holds no results of forescale: move it, or choose another --out",
                target.display()
            );
            return Err(Stop::new(Exit::InputOutput, message));
        }
        let place = out.join(format!(".{name}.partial-{}", std::process::id()));
        let attempt = fs::create_dir_all(out).and_then(|()| fs::create_dir(&place));
        attempt.map_err(|error| Stop::file("write to", out, &error))?;
        unfinished().push(place.clone());
        Ok(Self { place, target, done: false })
    }

    /// Writes a file of the folder.
    pub fn write(
        &self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Stop> {
        let path = self.place.join(name);
        let attempt = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut out = BufWriter::new(fs::File::create(&path)?);
            fill(&mut out)?;
            out.flush()
        };
        attempt().map_err(|error| Stop::file("write", &path, &error))
    }

    /// The text of a file written before.
    pub fn read(&self, name: &str) -> Result<String, Stop> {
        let path = self.place.join(name);
        fs::read_to_string(&path).map_err(|error| Stop::file("read", &path, &error))
    }

    /// Where the folder will be, as the user named it.
    pub fn target(&self) -> &Path {
        &self.target
    }
}

/// Writes a file beside the folders: whole or not at all.
pub fn put(out: &Path, name: &str, text: &str) -> Result<(), Stop> {
    let target = out.join(name);
    let beside = out.join(format!(".{name}.partial"));
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, &target))
        .map_err(|error| Stop::file("write", &target, &error))
}

/// Renames all folders into place; a signal does not come between.
pub fn finish(folders: Vec<Staged>) -> Result<(), Stop> {
    let mut held = unfinished();
    for mut folder in folders {
        let old = folder.place.with_extension("replaced");
        let moved = if folder.target.exists() {
            fs::rename(&folder.target, &old).and_then(|()| {
                let renamed = fs::rename(&folder.place, &folder.target);
                if renamed.is_err() {
                    // Better the old results than none.
                    let _ = fs::rename(&old, &folder.target);
                }
                renamed
            })
        } else {
            fs::rename(&folder.place, &folder.target)
        };
        moved.map_err(|error| Stop::file("write", &folder.target, &error))?;
        // The new results are in place; what was replaced can only be litter.
        let _ = fs::remove_dir_all(&old);
        held.retain(|place| *place != folder.place);
        folder.done = true;
    }
    Ok(())
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.done {
            // On the way out of an error; the error is what the user must hear.
            let _ = fs::remove_dir_all(&self.place);
        }
    }
}

/// Whether a folder is empty or holds results of an earlier run.
fn replaceable(target: &Path) -> bool {
    target.join("manifest.json").is_file()
        || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn fill(folder: &Staged, text: &str) {
        let write = |name: &str| folder.write(name, |out| out.write_all(text.as_bytes()));
        write("manifest.json").expect("written");
        write("seeds/7/summary.json").expect("written");
    }

    #[test]
    fn a_folder_is_whole_or_not_there() {
        let out = tempfile::tempdir().expect("a folder");
        let first = Staged::begin(out.path(), "a").expect("writable");
        fill(&first, "one");
        assert!(!out.path().join("a").exists(), "not there before it is whole");
        finish(vec![first]).expect("renamed");
        assert_eq!(names(out.path()), ["a"]);

        let abandoned = Staged::begin(out.path(), "a").expect("writable");
        fill(&abandoned, "two");
        drop(abandoned);
        assert_eq!(names(out.path()), ["a"]);
        let text = fs::read_to_string(out.path().join("a/manifest.json")).expect("old results");
        assert_eq!(text, "one");

        let second = Staged::begin(out.path(), "a").expect("writable");
        second.write("manifest.json", |out| out.write_all(b"three")).expect("written");
        finish(vec![second]).expect("renamed");
        assert_eq!(names(&out.path().join("a")), ["manifest.json"]);
    }

    #[test]
    fn what_is_not_ours_is_not_replaced() {
        let out = tempfile::tempdir().expect("a folder");
        fs::create_dir(out.path().join("a")).expect("created");
        fs::write(out.path().join("a/thesis.tex"), "years").expect("written");
        let stop = Staged::begin(out.path(), "a").expect_err("foreign");
        assert_eq!(stop.exit, Exit::InputOutput);
        assert_eq!(names(&out.path().join("a")), ["thesis.tex"]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_found_before_the_run() {
        let out = tempfile::tempdir().expect("a folder");
        let file = out.path().join("file");
        fs::write(&file, "").expect("written");
        let stop = Staged::begin(&file, "a").expect_err("no folder");
        assert_eq!(stop.exit, Exit::InputOutput);
    }
}
