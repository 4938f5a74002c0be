<TMPL_INCLUDE NAME="header.tpl">

<div id="invitation" class="container">
<main>
<div class="card">
<div class="form">
<TMPL_IF NAME="INVALID">
  <h3>This link is no longer valid</h3>
  <p>It has been used, or its time is over. Ask the person who runs this server for a new one.</p>
</TMPL_IF>
<TMPL_IF NAME="DONE">
  <h3>Your password is set</h3>
  <p>Sign in as <b><TMPL_VAR NAME="LOGIN" ESCAPE=HTML></b>.</p>
  <TMPL_IF NAME="CLOSED"><p>Accounts that are no longer linked: <TMPL_VAR NAME="CLOSED" ESCAPE=HTML>. Choose one again after this to link it.</p></TMPL_IF>
  <a href="/auth/" class="btn btn-success"><span class="fa fa-sign-in"></span> Sign in</a>
</TMPL_IF>
<TMPL_IF NAME="TOKEN">
  <TMPL_IF NAME="MISMATCH"><div class="message message-negative alert" role="alert">The two passwords differ.</div></TMPL_IF>
  <TMPL_IF NAME="WEAK"><div class="message message-negative alert" role="alert">A password has at least <TMPL_VAR NAME="LEAST" ESCAPE=HTML> characters.</div></TMPL_IF>
  <h3>Choose a password for <TMPL_VAR NAME="LOGIN" ESCAPE=HTML></h3>
  <form action="/auth/invitation" method="post" class="login" role="form" autocomplete="on">
    <input type="hidden" name="token" value="<TMPL_VAR NAME="TOKEN" ESCAPE=HTML>" />
    <input type="hidden" name="login" value="<TMPL_VAR NAME="LOGIN" ESCAPE=HTML>" />
    <input type="text" name="username" value="<TMPL_VAR NAME="LOGIN" ESCAPE=HTML>" autocomplete="username" hidden readonly />
    <div class="mb-3">
      <label for="password">Password, at least <TMPL_VAR NAME="LEAST" ESCAPE=HTML> characters</label>
      <input id="password" name="password" type="password" class="form-control" autocomplete="new-password" required />
    </div>
    <div class="mb-3">
      <label for="confirm">The same again</label>
      <input id="confirm" name="confirm" type="password" class="form-control" autocomplete="new-password" required />
    </div>
    <button type="submit" class="btn btn-success"><span class="fa fa-check"></span> Set the password</button>
  </form>
</TMPL_IF>
</div>
</div>
</main>
</div>

<TMPL_INCLUDE NAME="footer.tpl">
