//! The table: ours / theirs.

use crate::participant::Scenario;
use crate::turns::{Speeds, TASKS};

/// One section; the first of the participants is ours. What is worst for us comes first.
pub(crate) fn print_section(store: &str, names: &[&str], floors: usize, speeds: &[Speeds]) {
    let ours = &speeds[0];
    let mut rows: Vec<_> = (1..names.len()).map(|at| (at, ratios(ours, &speeds[at]))).collect();
    let peers = names.len() - 1 - floors;
    rows[..peers].sort_by(|a, b| worst(&a.1).total_cmp(&worst(&b.1)));
    print_heading("ours / theirs, medians of ratios in turns; below 1 we are slower");
    for (at, ratios) in &rows {
        let floor = if *at > peers { "floor: " } else { "" };
        println!("| {store}: {floor}{} | {} |{}", names[*at], tasks(), cells(ratios, 2));
    }
    print_heading("thousand calls a second, medians");
    for at in std::iter::once(0).chain(rows.iter().map(|(at, _)| *at)) {
        let thousands = per_cell(|row, column| {
            speeds[at][row][column].iter().map(|speed| speed / 1000.0).collect()
        });
        println!("| {store}: {} | {} |{}", names[at], tasks(), cells(&thousands, 1));
    }
}

fn print_heading(text: &str) {
    println!("\n{text}\n");
    println!("| | tasks | open | open, change one field, save | save, login, destroy |");
    println!("|---|---|---|---|---|");
}

/// For each scenario the medians at each number of tasks.
type Cells = Vec<Vec<Option<f64>>>;

fn ratios(ours: &Speeds, theirs: &Speeds) -> Cells {
    per_cell(|row, column| {
        let pairs = ours[row][column].iter().zip(&theirs[row][column]);
        pairs.map(|(ours, theirs)| ours / theirs).collect()
    })
}

fn per_cell(values: impl Fn(usize, usize) -> Vec<f64>) -> Cells {
    let columns = |row| (0..TASKS.len()).map(|column| median(values(row, column))).collect();
    (0..Scenario::ALL.len()).map(columns).collect()
}

fn worst(cells: &Cells) -> f64 {
    cells.iter().flatten().flatten().copied().fold(f64::INFINITY, f64::min)
}

fn cells(cells: &Cells, decimals: usize) -> String {
    let cell = |cell: &Vec<Option<f64>>| {
        let texts = cell.iter().map(|value| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
        });
        format!(" {} |", texts.collect::<Vec<_>>().join(" "))
    };
    cells.iter().map(cell).collect()
}

fn tasks() -> String {
    TASKS.map(|tasks| tasks.to_string()).join(" / ")
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
