<TMPL_INCLUDE NAME="header.tpl">

<div id="recovery" class="container">
<main>
<div class="card">
<div class="form">
<h3>Recovery codes</h3>
<TMPL_IF NAME="CODES">
  <p>Each of these is good once, in place of your second factor. Keep them where your phone is not: they are not shown again, and older ones have ended.</p>
  <ul class="list-unstyled"><TMPL_LOOP NAME="CODES"><li><code><TMPL_VAR NAME="CODE" ESCAPE=HTML></code></li></TMPL_LOOP></ul>
  <a href="/auth/" class="btn btn-success">Done</a>
<TMPL_ELSE>
<TMPL_IF NAME="SECOND">
  <p>You have <TMPL_VAR NAME="LEFT" ESCAPE=HTML> codes that are not used. New ones replace them.</p>
  <form action="/auth/recovery" method="post" role="form"><button type="submit" class="btn btn-success">Make new codes</button></form>
<TMPL_ELSE>
  <p>Recovery codes stand in for a second factor. <a href="/auth/2fregisters">Set one up</a>, then sign in with it.</p>
</TMPL_IF>
</TMPL_IF>
</div>
</div>
</main>
</div>

<TMPL_INCLUDE NAME="footer.tpl">
