readColours();
connect();
load(0);
if (location.hash === '#selftest') selftest();
const asked = /^#t=([\d.]+)$/.exec(location.hash);
if (asked) seek(+asked[1]);
