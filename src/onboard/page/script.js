(function(){
"use strict";
var d=document,c=d.getElementById("check"),rounds=0,timer;
d.querySelectorAll(".code").forEach(function(box){
var b=d.createElement("button"),word=d.body.dataset.copy;
b.type="button";b.className="copy";b.textContent=word;
b.onclick=function(){
var r=d.createRange(),s=getSelection();
r.selectNodeContents(box.firstElementChild);s.removeAllRanges();s.addRange(r);
b.textContent=d.execCommand("copy")?"\u2713":word;
setTimeout(function(){b.textContent=word},1500);
};
box.appendChild(b);
});
if(!c||!c.dataset.n)return;
function show(text){
var lines=text.split("\n");
c.className="card "+lines[0];
c.querySelector("h2").textContent=lines[1];
c.querySelector("p").textContent=lines[2];
return lines[0];
}
function round(){
var k=++rounds,until=Date.now()+4000,path="/api/seen?n="+c.dataset.n+"&l="+d.documentElement.lang+"&k="+k;
clearTimeout(timer);
new Image().src="//"+k+"."+c.dataset.n+"."+c.dataset.z+"/";
(function poll(){
var over=Date.now()>until;
fetch(path+(over?"&end":""),{cache:"no-store"}).then(function(r){return r.ok?r.text():"wait"}).then(function(t){
if(k!==rounds)return;
if(t==="wait"&&!over)timer=setTimeout(poll,300);
else if(t==="wait"||show(t)!=="good")timer=setTimeout(again,5000);
},function(){timer=setTimeout(again,5000)});
})();
}
function again(){
if(!d.hidden&&rounds<100)round();
}
d.addEventListener("visibilitychange",again);
round();
})();
