/** How pictures look: in a page's light or dark, with contrast enough for text in both. */
export const style = `
text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1f2328}
.title{font-size:17px;font-weight:600}.panel{font-weight:600}.tick,.axis{font-size:11.5px;fill:#59636e}
.ground{fill:#fff}.grid{stroke:#d1d9e0;stroke-width:1}
.calm,.strong,.dots,.mark{fill:none;stroke-linejoin:round}
.calm{stroke:#59636e;stroke-width:1.5;stroke-dasharray:5 3}.strong{stroke:#0969da;stroke-width:2}
.dots{stroke:#cf222e;stroke-width:3.5;stroke-linecap:round}.mark{stroke:#9a6700;stroke-width:1.5;stroke-dasharray:1 4;stroke-linecap:round}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.tick,.axis{fill:#9198a1}.ground{fill:#0d1117}.grid{stroke:#3d444d}
.calm{stroke:#9198a1}.strong{stroke:#4493f8}.dots{stroke:#f85149}.mark{stroke:#d29922}}
`;
