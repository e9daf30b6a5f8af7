// Copy what a field holds by one press, where the browser can; without, it is selected and copied as any text.
for (const button of navigator.clipboard ? document.querySelectorAll("[data-regal-copy]") : []) {
  const status = button.parentElement.querySelector("[data-regal-copied]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.regalCopy);
    field.select(); // should the browser refuse, Ctrl+C does it
    await navigator.clipboard.writeText(field.value);
    status.textContent = status.dataset.regalCopied;
  });
}
