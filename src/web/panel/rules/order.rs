//! Which rule each one of the list may be put before or behind, so that every move is a form of its own.

use super::{
    super::super::{api::keywords, error::ApiResult, input::Whole, page::Paging},
    Line, Panel,
};
use crate::store::{Page, rules::Filter};

/// Tells each line of its neighbours, also of those on the pages before and behind.
pub(super) async fn between_neighbours(
    lines: &mut [Line],
    panel: &Panel,
    filter: &Filter,
    part: Page,
    total: i64,
) -> ApiResult<()> {
    let shown = i64::try_from(lines.len()).unwrap_or(0);
    let mut ids: Vec<String> = vec![at(panel, filter, part.offset).await?];
    ids.extend(lines.iter().map(|line| line.id.to_string()));
    let behind = part.offset + shown + 1;
    ids.push(if behind <= total { at(panel, filter, behind).await? } else { String::new() });
    for (line, around) in lines.iter_mut().zip(ids.windows(3)) {
        if let [before, _, after] = around {
            line.up.clone_from(before);
            line.down.clone_from(after);
        }
    }
    Ok(())
}

/// The number of the rule at this place, from 1; empty: there is none.
async fn at(panel: &Panel, filter: &Filter, place: i64) -> ApiResult<String> {
    let Ok(place) = Whole::parse(place) else { return Ok(String::new()) };
    let paging = Paging::new(Some(place), Whole::parse(1).ok());
    let (found, _) = keywords::read_page(&panel.app, &panel.caller, filter.clone(), paging).await?;
    Ok(found.first().map(|rule| rule.id.to_string()).unwrap_or_default())
}
