<TMPL_INCLUDE NAME="header.tpl">

<div id="forgot" class="container">
<main>
<div class="card">
<div class="form">
<TMPL_IF NAME="DONE">
  <h3>Look into your mailbox</h3>
  <p>If there is such an account with an e-mail address, a link for a new password is on its way. It is good once, for <TMPL_VAR NAME="MINUTES" ESCAPE=HTML> minutes.</p>
  <p>If none comes, ask the person who runs this server.</p>
  <a href="/auth/" class="btn btn-success"><span class="fa fa-sign-in"></span> Sign in</a>
<TMPL_ELSE>
  <h3>Forgot your password?</h3>
  <form action="/auth/forgot" method="post" class="login" role="form" autocomplete="on">
    <div class="mb-3">
      <label for="user">User name or e-mail address</label>
      <input id="user" name="user" type="text" class="form-control" autocomplete="username" maxlength="254" required />
    </div>
    <button type="submit" class="btn btn-success"><span class="fa fa-envelope"></span> Send a link</button>
  </form>
</TMPL_IF>
</div>
</div>
</main>
</div>

<TMPL_INCLUDE NAME="footer.tpl">
