// Sends the one form of the hand-off page. Where no script runs, the form's button does.
document.querySelector("form[data-hand-off]").submit();
