//! What two texts differ in, line by line, as `diff -u` writes it: what `--dry-run` shows.
//!
//! Myers' algorithm (1986), which is fast where little differs; edits touch few lines. Where more than `MAX_CHANGES`
//! lines differ the changed part is shown as a whole, old lines before new ones.

/// Most changed lines that are told apart one by one; the work and the memory grow with its square.
const MAX_CHANGES: usize = 500;
/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// One step from the old text to the new one: a line of the old, of the new, or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Same(usize, usize),
    Gone(usize),
    New(usize),
}

/// The difference as text: nothing where the texts are equal. Bytes that are no UTF-8 are shown as `U+FFFD`.
#[must_use]
pub fn unified(name: &str, old: &[u8], new: &[u8]) -> String {
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let old: Vec<&str> = old.lines().collect();
    let new: Vec<&str> = new.lines().collect();
    let steps = steps(&old, &new);
    let is_change = |step: &Step| !matches!(step, Step::Same(..));
    let mut out = String::new();
    let mut at = 0;
    while let Some(first) = steps.iter().skip(at).position(is_change).map(|found| found + at) {
        // A hunk goes on as long as the next change is near.
        let mut last = first;
        while let Some(next) = steps.iter().skip(last + 1).position(is_change) {
            if next > 2 * CONTEXT {
                break;
            }
            last += next + 1;
        }
        let hunk = steps
            .get(first.saturating_sub(CONTEXT)..(last + 1 + CONTEXT).min(steps.len()))
            .unwrap_or_default();
        if out.is_empty() {
            out.push_str(&format!("--- {name}\n+++ {name}\n"));
        }
        out.push_str(&hunk_text(hunk, &old, &new));
        at = last + 1;
    }
    out
}

fn hunk_text(hunk: &[Step], old: &[&str], new: &[&str]) -> String {
    let olds: Vec<usize> = hunk.iter().filter_map(|step| step.in_old()).collect();
    let news: Vec<usize> = hunk.iter().filter_map(|step| step.in_new()).collect();
    // An empty side names the line before it (POSIX, diff).
    let range = |lines: &[usize]| match lines.first() {
        Some(first) => format!("{},{}", first + 1, lines.len()),
        None => "0,0".to_owned(),
    };
    let mut out = format!("@@ -{} +{} @@\n", range(&olds), range(&news));
    for step in hunk {
        let (mark, line) = match *step {
            Step::Same(at, _) => (' ', old.get(at)),
            Step::Gone(at) => ('-', old.get(at)),
            Step::New(at) => ('+', new.get(at)),
        };
        out.push(mark);
        out.push_str(line.copied().unwrap_or_default());
        out.push('\n');
    }
    out
}

impl Step {
    fn in_old(self) -> Option<usize> {
        match self {
            Step::Same(at, _) | Step::Gone(at) => Some(at),
            Step::New(_) => None,
        }
    }

    fn in_new(self) -> Option<usize> {
        match self {
            Step::Same(_, at) | Step::New(at) => Some(at),
            Step::Gone(_) => None,
        }
    }
}

fn steps(old: &[&str], new: &[&str]) -> Vec<Step> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let room = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev());
    let tail = tail.take_while(|(a, b)| a == b).count().min(room);
    let mut steps: Vec<Step> = (0..head).map(|at| Step::Same(at, at)).collect();
    let middle = |lines: &[&str]| head..lines.len() - tail;
    let (olds, news) = (middle(old), middle(new));
    let inner = (
        old.get(olds.clone()).unwrap_or_default(),
        new.get(news.clone()).unwrap_or_default(),
    );
    match shortest(inner.0, inner.1) {
        Some(inner) => steps.extend(inner.into_iter().map(|step| match step {
            Step::Same(a, b) => Step::Same(a + head, b + head),
            Step::Gone(a) => Step::Gone(a + head),
            Step::New(b) => Step::New(b + head),
        })),
        None => {
            steps.extend(olds.map(Step::Gone));
            steps.extend(news.map(Step::New));
        }
    }
    let tails = (old.len() - tail..old.len()).zip(new.len() - tail..new.len());
    steps.extend(tails.map(|(a, b)| Step::Same(a, b)));
    steps
}

/// The shortest way from `old` to `new`; `None` where it has more than [`MAX_CHANGES`] changes.
fn shortest(old: &[&str], new: &[&str]) -> Option<Vec<Step>> {
    // Furthest x on each diagonal k = x - y, shifted so that indices are not negative; one row for each count of changes.
    let width = 2 * MAX_CHANGES + 3;
    let zero = MAX_CHANGES + 1;
    let mut row = vec![0usize; width];
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let get = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(0);
    let from_above = |row: &[usize], diagonal: usize, least: usize, most: usize| {
        diagonal == least || (diagonal != most && get(row, diagonal - 1) < get(row, diagonal + 1))
    };
    let mut found = None;
    'search: for changes in 0..=MAX_CHANGES {
        rows.push(row.clone());
        let (least, most) = (zero - changes, zero + changes);
        for diagonal in (least..=most).step_by(2) {
            let mut x = if from_above(&row, diagonal, least, most) {
                get(&row, diagonal + 1)
            } else {
                get(&row, diagonal - 1) + 1
            };
            // y = x - k, where a diagonal that leaves the square is of no use.
            let Some(mut y) = (x + zero).checked_sub(diagonal) else {
                continue;
            };
            while x < old.len() && y < new.len() && old.get(x) == new.get(y) {
                (x, y) = (x + 1, y + 1);
            }
            if let Some(slot) = row.get_mut(diagonal) {
                *slot = x;
            }
            if x >= old.len() && y >= new.len() {
                found = Some(changes);
                break 'search;
            }
        }
    }
    let mut steps = Vec::new();
    let (mut x, mut y) = (old.len(), new.len());
    for changes in (0..=found?).rev() {
        let row = rows.get(changes)?;
        let diagonal = x + zero - y;
        let (least, most) = (zero - changes, zero + changes);
        let down = from_above(row, diagonal, least, most);
        let before = if down { diagonal + 1 } else { diagonal - 1 };
        let from_x = if changes == 0 { 0 } else { get(row, before) };
        let from_y = if changes == 0 {
            0
        } else {
            (from_x + zero).checked_sub(before)?
        };
        let start = match (changes, down) {
            (0, _) => (0, 0),
            (_, true) => (from_x, from_y + 1),
            (_, false) => (from_x + 1, from_y),
        };
        while x > start.0 && y > start.1 {
            (x, y) = (x - 1, y - 1);
            steps.push(Step::Same(x, y));
        }
        if changes > 0 {
            steps.push(if down {
                Step::New(from_y)
            } else {
                Step::Gone(from_x)
            });
        }
        (x, y) = (from_x, from_y);
    }
    steps.reverse();
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_with_three_lines_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n";
        assert_eq!(
            unified("x.zone", old.as_bytes(), new.as_bytes()),
            "--- x.zone\n+++ x.zone\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n\
             @@ -12,3 +12,4 @@\n 12\n 13\n 14\n+15\n"
        );
        assert_eq!(unified("x", b"a\nb\n", b"a\nb\n"), "");
        assert_eq!(unified("x", b"", b"a\n"), "--- x\n+++ x\n@@ -0,0 +1,1 @@\n+a\n");
        assert_eq!(unified("x", b"a\n", b""), "--- x\n+++ x\n@@ -1,1 +0,0 @@\n-a\n");
    }

    /// Small texts over few lines, so that many agree: the steps lead from the one to the other, and no shorter way is
    /// missed against the usual table of common subsequences.
    #[test]
    fn every_way_leads_there_and_is_the_shortest() {
        let mut state = 7u64;
        let mut random = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from((state >> 33) % bound).unwrap()
        };
        for _ in 0..2_000 {
            let words = ["a", "b", "c"];
            let mut text = || -> Vec<&str> { (0..random(9)).map(|_| words[random(3)]).collect() };
            let (old, new) = (text(), text());
            let steps = steps(&old, &new);
            let olds: Vec<usize> = steps.iter().filter_map(|step| step.in_old()).collect();
            let news: Vec<usize> = steps.iter().filter_map(|step| step.in_new()).collect();
            assert!(olds.iter().copied().eq(0..old.len()), "{old:?} {new:?} {steps:?}");
            assert!(news.iter().copied().eq(0..new.len()), "{old:?} {new:?} {steps:?}");
            let mut common = 0;
            for step in &steps {
                if let Step::Same(a, b) = step {
                    assert_eq!(old[*a], new[*b]);
                    common += 1;
                }
            }
            let mut table = vec![vec![0; new.len() + 1]; old.len() + 1];
            for (a, left) in old.iter().enumerate() {
                for (b, right) in new.iter().enumerate() {
                    table[a + 1][b + 1] = if left == right {
                        table[a][b] + 1
                    } else {
                        table[a][b + 1].max(table[a + 1][b])
                    };
                }
            }
            assert_eq!(common, table[old.len()][new.len()], "{old:?} {new:?}");
        }
    }

    #[test]
    fn texts_that_differ_in_all_are_shown_whole() {
        let old: Vec<String> = (0..400).map(|n| format!("old {n}\n")).collect();
        let new: Vec<String> = (0..400).map(|n| format!("new {n}\n")).collect();
        let shown = unified("x", old.concat().as_bytes(), new.concat().as_bytes());
        assert_eq!(shown.lines().count(), 803);
    }
}
